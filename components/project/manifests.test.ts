import { expect, test } from "vitest";
import { limitRange, namespace } from "./manifests.ts";

const item = (...args: Parameters<typeof limitRange>) => limitRange(...args).spec.limits[0];

test("containers without resources get small defaults", () => {
  expect(item("ai")).toEqual({
    type: "Container",
    defaultRequest: { cpu: "50m", memory: "64Mi" },
    default: { memory: "256Mi" },
  });
});

test("there is a default CPU limit only if the quota counts them", () => {
  expect(item("ai", {}, { "limits.cpu": "16" })?.default).toEqual({ cpu: "1", memory: "256Mi" });
  expect(item("ai", {}, { "limits.memory": "16Gi" })?.default).toEqual({ memory: "256Mi" });
});

test("bounds are declared, and replace defaults that they would refuse", () => {
  const bounds = { max: { cpu: "500m", memory: "128Gi" }, min: { cpu: "100m", memory: "512Mi" } };
  expect(item("ai", bounds, { "limits.cpu": "16" })).toEqual({
    type: "Container",
    ...bounds,
    defaultRequest: { cpu: "100m", memory: "512Mi" },
    default: { cpu: "500m", memory: "512Mi" },
  });
});

test("a bound of one resource does not affect the other", () => {
  expect(item("ai", { max: { memory: "128Gi", cpu: undefined } })).toMatchObject({
    max: { memory: "128Gi" },
  });
  expect(item("ai", { max: { memory: "128Gi", cpu: undefined } })?.max).not.toHaveProperty("cpu");
});

test("admission enforces the level, and always warns about violations of restricted", () => {
  expect(namespace("ai", "baseline").metadata.labels).toMatchObject({
    "pod-security.kubernetes.io/enforce": "baseline",
    "pod-security.kubernetes.io/warn": "restricted",
    "pod-security.kubernetes.io/audit": "restricted",
  });
});
