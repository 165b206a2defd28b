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

test("a Route ends TLS, waits as long as an answer may take, and lets the cluster choose the host", () => {
  const made = route({ ...model, endpoint: { ...model.endpoint, domain: undefined } });
  expect(made.metadata.annotations).toEqual({ "haproxy.router.openshift.io/timeout": "600s" });
  expect(made.spec).toMatchObject({ path: "/v1", tls: { termination: "edge" } });
  expect(made.spec).not.toHaveProperty("host");
  expect(route(model).spec).toMatchObject({ host });
});

test("an Ingress exposes the API alone, with TLS and the timeout on its way", () => {
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

test("a route of the Gateway API is attached to the Gateway of the config", () => {
  expect(httpRoute(model).spec).toMatchObject({
    parentRefs: [{ name: "public", namespace: "gateways" }],
    hostnames: [host],
    rules: [{ timeouts: { request: "600s", backendRequest: "600s" } }],
  });
});

test("what an exposure needs and config lacks is named", () => {
  const bare = { ...model, endpoint: { ...model.endpoint, domain: undefined, gateway: undefined } };
  expect(() => ingress(bare)).toThrow("modelcar:endpoint.domain is missing");
  expect(() => httpRoute(bare)).toThrow("modelcar:endpoint.gateway is missing");
});

test("in a mesh a call is never made twice, and is encrypted", () => {
  const service = "sums-predictor.ai.svc.cluster.local";
  const { spec } = virtualService(model);
  expect(spec.hosts).toEqual([service]);
  expect(spec.http[0]).toMatchObject({ timeout: "600s", retries: { attempts: 0 } });
  expect(destinationRule(model).spec).toEqual({
    host: service,
    trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } },
  });
});

test("Prometheus reads the metrics through the Service's named port", () => {
  const labels = { "serving.kserve.io/inferenceservice": "sums" };
  const made = serviceMonitor({ name: "sums", namespace: "ai", serviceLabels: labels });
  expect(made.metadata.name).toBe("sums-metrics");
  expect(made.spec.selector.matchLabels).toEqual(labels);
  expect(made.spec.endpoints).toMatchObject([{ port: "http", path: "/metrics" }]);
});
