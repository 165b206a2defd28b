import { expect, test } from "vitest";
import { volumeClaim } from "./manifests.ts";

test("a claim has the given storage class and access mode; by default one node mounts it", () => {
  const claim = { namespace: "ai", name: "mistral-24b-pvc", size: "120Gi" };
  expect(volumeClaim(claim)).toEqual({
    metadata: { name: "mistral-24b-pvc", namespace: "ai" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "120Gi" } } },
  });
  expect(volumeClaim({ ...claim, storageClass: "gp3", accessMode: "ReadWriteMany" }).spec).toMatchObject({
    accessModes: ["ReadWriteMany"],
    storageClassName: "gp3",
  });
});
