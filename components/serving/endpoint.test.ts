import { expect, test } from "vitest";
import { serviceMonitor } from "../monitoring/service-monitor.ts";
import { destinationRule, type ExposedModel, httpRoute, ingress, route, virtualService } from "./endpoint.ts";

const model: ExposedModel = {
  name: "sums",
  namespace: "ai",
  service: { name: "sums-predictor", port: 80 },
  stopped: false,
  endpoint: {
    exposure: "ingress",
    domain: "models.test",
    gateway: { name: "public", namespace: "gateways" },
    timeoutSeconds: 600,
    mesh: false,
  },
};
const host = "sums-ai.models.test";

test("a Route terminates TLS, has the answer's timeout, and lets the cluster choose the host", () => {
  const made = route({ ...model, endpoint: { ...model.endpoint, domain: undefined } });
  expect(made.metadata.annotations).toEqual({ "haproxy.router.openshift.io/timeout": "600s" });
  expect(made.spec).toMatchObject({ path: "/v1", tls: { termination: "edge" } });
  expect(made.spec).not.toHaveProperty("host");
  expect(route(model).spec).toMatchObject({ host });
});

test("an Ingress exposes only the API, with TLS and the timeout", () => {
  const made = ingress({
    ...model,
    endpoint: { ...model.endpoint, ingressClass: "nginx", tlsSecret: "models-tls" },
  });
  expect(made.spec).toEqual({
    ingressClassName: "nginx",
    tls: [{ hosts: [host], secretName: "models-tls" }],
    rules: [
      {
        host,
        http: {
          paths: [
            {
              path: "/v1",
              pathType: "Prefix",
              backend: { service: { name: "sums-predictor", port: { number: 80 } } },
            },
          ],
        },
      },
    ],
  });
  expect(made.metadata.annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]).toBe("600");
  expect(made.metadata.annotations).not.toHaveProperty(["pulumi.com/skipAwait"]);
  const stopped = ingress({ ...model, stopped: true });
  expect(stopped.metadata.annotations).toHaveProperty(["pulumi.com/skipAwait"]);
});

test("an HTTPRoute is attached to the configured Gateway", () => {
  expect(httpRoute(model).spec).toMatchObject({
    parentRefs: [{ name: "public", namespace: "gateways" }],
    hostnames: [host],
    rules: [{ timeouts: { request: "600s", backendRequest: "600s" } }],
  });
});

test("a key that an exposure needs is named if it is missing", () => {
  const bare = { ...model, endpoint: { ...model.endpoint, domain: undefined, gateway: undefined } };
  expect(() => ingress(bare)).toThrow("modelcar:endpoint.domain is missing");
  expect(() => httpRoute(bare)).toThrow("modelcar:endpoint.gateway is missing");
});

test("in a mesh a call is never retried, and is encrypted", () => {
  const service = "sums-predictor.ai.svc.cluster.local";
  const { spec } = virtualService(model);
  expect(spec.hosts).toEqual([service]);
  expect(spec.http[0]).toMatchObject({ timeout: "600s", retries: { attempts: 0 } });
  expect(destinationRule(model).spec).toEqual({
    host: service,
    trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } },
  });
});

test("Prometheus scrapes the metrics at the Service's named port", () => {
  const labels = { "serving.kserve.io/inferenceservice": "sums" };
  const made = serviceMonitor({ name: "sums", namespace: "ai", serviceLabels: labels });
  expect(made.metadata.name).toBe("sums-metrics");
  expect(made.spec.selector.matchLabels).toEqual(labels);
  expect(made.spec.endpoints).toMatchObject([{ port: "http", path: "/metrics" }]);
});
