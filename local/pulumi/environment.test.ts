import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { pulumiEnvironment } from "./environment.ts";

let stateDirectory: string;
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), "modelcar-environment-"));
});
afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

const environment = () =>
  pulumiEnvironment({
    stateDirectory,
    binDirectory: "/tools",
    kubeconfig: "/kubeconfig",
    baseEnvironment: {
      PATH: "/bin",
      HOME: "/home",
      PULUMI_ACCESS_TOKEN: "theirs",
      PULUMI_CONFIG_PASSPHRASE: "x",
    },
  });

it("drops the user's own Pulumi settings and keeps the rest", () => {
  const made = environment();
  expect(made).toMatchObject({ PATH: "/tools:/bin", HOME: "/home", KUBECONFIG: "/kubeconfig" });
  expect(made).not.toHaveProperty("PULUMI_ACCESS_TOKEN");
  expect(made).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE");
  expect(made.PULUMI_BACKEND_URL).toBe(`file://${stateDirectory}/stacks`);
});

it("makes a passphrase once, which only its owner can read", () => {
  const path = environment().PULUMI_CONFIG_PASSPHRASE_FILE as string;
  const passphrase = readFileSync(path, "utf8");
  expect(passphrase.length).toBeGreaterThan(40);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  environment();
  expect(readFileSync(path, "utf8")).toBe(passphrase);
});
