import { describe, expect, test } from "vitest";
import { destination, dnsEgress, inNamespace } from "./network-peers.ts";

const namespaced = (name: string) => ({ namespaceSelector: inNamespace(name) });
const tcp = (port: number) => ({ protocol: "TCP", port });

test("a namespace is selected by the label that every one has", () => {
  expect(inNamespace("ai")).toEqual({ matchLabels: { "kubernetes.io/metadata.name": "ai" } });
});

describe("where a URL leads", () => {
  test.each<[string, string, number[]]>([
    ["http://minio.model-storage.svc:9000", "model-storage", [9000]],
    ["http://minio.model-storage.svc.cluster.local:9000/path", "model-storage", [9000]],
    ["http://sums-predictor.ai.svc", "ai", [80, 8080]],
    ["https://sums-predictor.ai.svc.cluster.local", "ai", [443, 8443]],
    ["registry.oci-registry.svc.cluster.local:5000", "oci-registry", [5000]],
  ])("%s: to the pods of namespace %s", (url, namespace, ports) => {
    expect(destination(url)).toEqual({ to: [namespaced(namespace)], ports: ports.map(tcp) });
  });

  test("the pods' ports can be told where they are not the usual ones", () => {
    expect(destination("http://a.b.svc", { podPorts: [3000] }).ports).toEqual([tcp(3000)]);
  });

  test("a name without dots is a Service beside the job", () => {
    expect(destination("http://mirror:8080")).toEqual({ to: [{ podSelector: {} }], ports: [tcp(8080)] });
  });

  test.each(["https://huggingface.co", "https://hub.svc.example.com", "quay.io"])(
    "%s: outside, at 443, and neither private addresses nor a cloud's metadata service",
    (url) => {
      const { to, ports } = destination(url);
      expect(ports).toEqual([tcp(443)]);
      const [v4, v6, ...more] = to as { ipBlock: { cidr: string; except: string[] } }[];
      expect([v4?.ipBlock.cidr, v6?.ipBlock.cidr, more]).toEqual(["0.0.0.0/0", "::/0", []]);
      expect(v4?.ipBlock.except).toEqual(
        expect.arrayContaining(["10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]),
      );
      expect(v6?.ipBlock.except).toEqual(expect.arrayContaining(["fc00::/7", "fe80::/10"]));
    },
  );

  test("private ranges are added where config names them", () => {
    const { to } = destination("https://mirror.example.com", { privateNetworks: ["10.20.0.0/16"] });
    expect(to).toContainEqual({ ipBlock: { cidr: "10.20.0.0/16" } });
  });

  test.each([
    ["http://10.1.2.3:9000", "10.1.2.3/32", 9000],
    ["https://[fd00::1]", "fd00::1/128", 443],
  ])("%s: one address", (url, cidr, port) => {
    expect(destination(url)).toEqual({ to: [{ ipBlock: { cidr } }], ports: [tcp(port)] });
  });
});

test("OpenShift's DNS pods listen on 5353 behind the Service's 53", () => {
  expect(dnsEgress("openshift").to).toEqual([namespaced("openshift-dns")]);
  expect(dnsEgress("openshift").ports).toContainEqual({ protocol: "UDP", port: 5353 });
});
