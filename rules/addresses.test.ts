import { expect, test } from "vitest";
import { modelAddress, objectStoreAddress, registryAddress } from "./addresses.ts";

const registry = { name: "private-ai-model-registry", namespace: "rhoai-model-registries" };
const host = "private-ai-model-registry.rhoai-model-registries.svc.cluster.local";
const open = { url: `http://${host}:8080`, auth: "none" };
const proxied = { url: `https://${host}:8443`, auth: "serviceAccount" };

test("a plain registry answers at 8080, one behind kube-rbac-proxy with TLS at 8443", () => {
  expect(registryAddress({ ...registry, kind: "existing", auth: "none" }, "openshift")).toEqual(open);
  expect(registryAddress({ ...registry, kind: "existing", auth: "serviceAccount" }, "openshift")).toEqual(
    proxied,
  );
});

test("the stack's own registry has a proxy on OpenShift AI, and none elsewhere", () => {
  expect(registryAddress({ ...registry, kind: "own" }, "openshift")).toEqual(proxied);
  expect(registryAddress({ ...registry, kind: "own" }, "kubernetes")).toEqual(open);
});

test("a registry by URL has that URL", () => {
  const byUrl = { kind: "url", url: "https://registry.example.com", auth: "token" } as const;
  expect(registryAddress(byUrl, "openshift")).toMatchObject({ url: byUrl.url, auth: "token" });
});

test("MinIO has an address in its namespace, an existing object store its own", () => {
  const bucket = { bucket: "llm-models", region: "us-east-1" };
  expect(objectStoreAddress({ ...bucket, namespace: "model-storage" })).toEqual({
    ...bucket,
    endpoint: "http://minio.model-storage.svc.cluster.local:9000",
  });
  expect(objectStoreAddress({ ...bucket, endpoint: "https://s3.example.com" }).endpoint).toBe(
    "https://s3.example.com",
  );
});

test("a model answers at KServe's Service, or at its own", () => {
  const serve = (mode: "kserve" | "deployment") => ({ name: "sums", serve: { mode } });
  expect(modelAddress("ai", serve("kserve"))).toBe("http://sums-predictor.ai.svc.cluster.local");
  expect(modelAddress("ai", serve("deployment"))).toBe("http://sums.ai.svc.cluster.local");
});
