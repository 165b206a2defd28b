import { expect, test } from "vitest";
import { connectionData, connectionSecret, dockerConfig, servingSecret } from "./manifests.ts";

const store = { bucket: "llm-models", region: "eu-1" };

test("KServe's annotations are on the Secret: host and port without scheme, and no TLS for MinIO", () => {
  const endpoint = "http://minio.model-storage.svc.cluster.local:9000";
  expect(servingSecret("ai", { ...store, endpoint }).annotations).toEqual({
    "serving.kserve.io/s3-endpoint": "minio.model-storage.svc.cluster.local:9000",
    "serving.kserve.io/s3-usehttps": "0",
    "serving.kserve.io/s3-region": "eu-1",
    "serving.kserve.io/s3-verifyssl": "0",
  });
});

test("an https endpoint is verified; the default port is omitted", () => {
  for (const [endpoint, host] of [
    ["https://s3.eu-1.amazonaws.com", "s3.eu-1.amazonaws.com"],
    ["https://s3.example.com:8443", "s3.example.com:8443"],
  ] as const) {
    expect(servingSecret("ai", { ...store, endpoint }).annotations).toMatchObject({
      "serving.kserve.io/s3-endpoint": host,
      "serving.kserve.io/s3-usehttps": "1",
      "serving.kserve.io/s3-verifyssl": "1",
    });
  }
});

test("a connection is found by OpenShift AI's dashboard and controller", () => {
  const { labels, annotations } = connectionSecret("ai");
  expect(labels).toEqual({ "opendatahub.io/dashboard": "true", "opendatahub.io/managed": "true" });
  expect(annotations).toMatchObject({ "opendatahub.io/connection-type-protocol": "s3" });
  expect(connectionData({ ...store, endpoint: "https://s3.example.com" })).toEqual({
    AWS_S3_ENDPOINT: "https://s3.example.com",
    AWS_S3_BUCKET: "llm-models",
    AWS_DEFAULT_REGION: "eu-1",
  });
});

test("a docker config contains the login as clients send it", () => {
  const { auths } = JSON.parse(dockerConfig("quay.io", "org+robot", 'p"w:1'));
  expect(Object.keys(auths)).toEqual(["quay.io"]);
  expect(auths["quay.io"]).toMatchObject({ username: "org+robot", password: 'p"w:1' });
  expect(Buffer.from(auths["quay.io"].auth, "base64").toString()).toBe('org+robot:p"w:1');
});
