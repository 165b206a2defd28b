import { expect, test } from "vitest";
import { deploymentMode } from "./deployment-mode.ts";

test.each([
  ["openshift", "2.25", "RawDeployment"],
  ["openshift", "3.0", "RawDeployment"],
  ["openshift", "3.3", "RawDeployment"],
  ["openshift", "3.3.9", "RawDeployment"],
  ["openshift", "3.4", "Standard"],
  ["openshift", "3.10", "Standard"],
  ["openshift", "4.0", "Standard"],
  ["kubernetes", "0.9", "RawDeployment"],
  ["kubernetes", "0.15", "RawDeployment"],
  ["kubernetes", "0.15.2", "RawDeployment"],
  ["kubernetes", "0.16", "Standard"],
  ["kubernetes", "0.20", "Standard"],
  ["kubernetes", "1.0", "Standard"],
] as const)("%s %s: %s", (platform, version, mode) => {
  expect(deploymentMode(platform, version)).toBe(mode);
});
