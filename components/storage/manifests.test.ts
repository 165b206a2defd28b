import { expect, test } from "vitest";
import { volumeClaim } from "./manifests.ts";

test("a claim names class and access mode only as told; by default one node mounts it", () => {
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
