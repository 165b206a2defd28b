import { describe, expect, test } from "vitest";
import { destination, dnsEgress, inNamespace } from "./network-peers.ts";

const tcp = (port: number) => ({ protocol: "TCP", port });

test("a namespace is selected by the label that every namespace has", () => {
  expect(inNamespace("ai")).toEqual({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "ai" } },
  });
});

describe("where a URL leads", () => {
  test.each([
    // NooBaa's pods listen on 6443 and 6001 behind these ports.
    ["https://s3.openshift-storage.svc:443", "openshift-storage"],
    ["https://s3.openshift-storage.svc.cluster.local", "openshift-storage"],
    ["http://s3.openshift-storage.svc", "openshift-storage"],
    ["http://minio.model-storage.svc:9000", "model-storage"],
    ["http://minio.model-storage.svc.cluster.local:9000/path", "model-storage"],
    ["https://sums-predictor.ai.svc.cluster.local.", "ai"],
    ["registry.oci-registry.svc.cluster.local:5000", "oci-registry"],
    ["http://minio-0.minio.model-storage.svc.cluster.local:9000", "model-storage"],
  ])("%s: to the pods of namespace %s, at any port", (url, namespace) => {
    expect(destination(url)).toEqual([{ to: [inNamespace(namespace)] }]);
  });

  test.each(["http://mirror:8080", "https://mirror", "mirror:5000"])(
    "%s, a name without dots, is a Service in the pod's namespace",
    (url) => expect(destination(url)).toEqual([{ to: [{ podSelector: {} }] }]),
  );

  test.each([
    ["http://nexus.tools:8081", "tools"],
    // Namespaces with the name of a public top-level domain.
    ["http://minio.ai:8081", "ai"],
    ["http://model-registry.dev:8081", "dev"],
    ["registry.app:8081", "app"],
    ["http://minio.xn--p1ai:8081", "xn--p1ai"],
    // Top-level domains of private DNS zones.
    ["harbor.lab2:8081", "lab2"],
    ["harbor.lab-1:8081", "lab-1"],
    ["http://minio.model-storage:8081", "model-storage"],
    // A StatefulSet's pod.
    ["http://minio-0.minio.storage:8081", "storage"],
    ["http://minio-12.headless.ai:8081", "ai"],
    ["https://hub.mirror.svc.k8s.example.com:8081", "mirror"],
  ])("%s may be a Service of namespace %s or a host outside, so both are allowed", (url, namespace) => {
    const [inside, outside, ...more] = destination(url);
    expect(inside).toEqual({ to: [inNamespace(namespace)] });
    expect(outside?.to?.[0]).toMatchObject({ ipBlock: { cidr: "0.0.0.0/0" } });
    expect([outside?.ports, more]).toEqual([[tcp(8081)], []]);
  });

  test.each([
    "https://huggingface.co",
    "https://hf-mirror.com",
    "https://hub.svc.example.com",
    "https://s3.eu-central-1.amazonaws.com",
    "quay.io",
    "ghcr.io",
    "docker.io",
    "registry.redhat.io",
    "registry.example.com",
    "team-1.azurecr.io",
    "models-2.amazonaws.com",
    "minio-0.minio.example.com",
    "harbor.lab.internal",
  ])("%s: outside, at 443, without private addresses and a cloud's metadata service", (url) => {
    const [{ to, ports } = {}, ...others] = destination(url);
    expect([ports, others]).toEqual([[tcp(443)], []]);
    const [v4, v6, ...more] = to as { ipBlock: { cidr: string; except: string[] } }[];
    expect([v4?.ipBlock.cidr, v6?.ipBlock.cidr, more]).toEqual(["0.0.0.0/0", "::/0", []]);
    expect(v4?.ipBlock.except).toEqual(
      expect.arrayContaining(["10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]),
    );
    expect(v6?.ipBlock.except).toEqual(expect.arrayContaining(["fc00::/7", "fe80::/10"]));
  });

  test("configured private ranges are added", () => {
    const [rule] = destination("https://mirror.example.com", { privateNetworks: ["10.20.0.0/16"] });
    expect(rule?.to).toContainEqual({ ipBlock: { cidr: "10.20.0.0/16" } });
  });

  test.each([
    ["http://10.1.2.3:9000", "10.1.2.3/32", 9000],
    ["https://[fd00::1]", "fd00::1/128", 443],
  ])("%s: one address", (url, cidr, port) => {
    expect(destination(url)).toEqual([{ to: [{ ipBlock: { cidr } }], ports: [tcp(port)] }]);
  });
});

test("OpenShift's DNS pods listen on 5353 behind the Service's 53", () => {
  expect(dnsEgress("openshift").to).toEqual([inNamespace("openshift-dns")]);
  expect(dnsEgress("openshift").ports).toContainEqual({ protocol: "UDP", port: 5353 });
});
