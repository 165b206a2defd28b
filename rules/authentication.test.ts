import { expect, it } from "vitest";
import { authenticationOf, isManagedByOpenShiftAi } from "./authentication.ts";

const model = (mode: "kserve" | "deployment", auth: boolean) => ({ name: "sums", serve: { mode, auth } });
const key = { kind: "apiKey", secret: { name: "sums-api-key", key: "api-key" } };

it.each([
  ["openshift", "kserve", { kind: "platformToken" }, true],
  ["openshift", "deployment", key, false],
  ["kubernetes", "kserve", key, false],
  ["kubernetes", "deployment", key, false],
] as const)("on %s, served by %s", (platform, mode, checked, isManaged) => {
  expect(authenticationOf(platform, model(mode, true))).toEqual(checked);
  expect(authenticationOf(platform, model(mode, false))).toEqual({ kind: "none" });
  expect(isManagedByOpenShiftAi(platform, model(mode, true))).toBe(isManaged);
});
