import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError, readStackConfig } from "./stack-config.ts";
import { configOfStack, directory, stackFileOf } from "./test-stack.ts";

test("a stack's file over the defaults of Pulumi.yaml", () => {
  const config = configOfStack("dev");
  expect(config.namespace).toBe("private-ai-demo");
  // Only Pulumi.yaml sets it.
  expect(config.huggingFace.endpoint).toBe("https://huggingface.co");
});

test("a top-level number becomes a string, as in Pulumi", () => {
  const file = join(mkdtempSync(join(tmpdir(), "modelcar-stack-")), "Pulumi.x.yaml");
  writeFileSync(file, "config:\n  modelcar:platformVersion: 3.4\n  other:key: 1\n");
  const message = () => readStackConfig(directory, "x", file);
  expect(message).toThrow(/mistakes in .*Pulumi\.x\.yaml:\n {2}modelcar:/);
  expect(message).not.toThrow(/platformVersion|other/);
});

test("a secret stays unread; anything else that is encrypted is an error that names it", () => {
  const file = stackFileOf("dev", (raw) => {
    raw.models[0].source.huggingFace = { secure: "v1:a:b" };
  });
  expect(() => readStackConfig(directory, "dev", file)).toThrow(
    /modelcar:models must not be encrypted, because only Pulumi can decrypt it/,
  );
});

test("all mistakes are listed, and a missing stack lists the existing ones", () => {
  const edit = (raw: Record<string, unknown>) => Object.assign(raw, { namespace: "No", platform: "nomad" });
  expect(() => configOfStack("dev", edit)).toThrow(
    /^2 mistakes in [^\n]+\n {2}modelcar:\w+: [^\n]+\n {2}modelcar:\w+/,
  );
  expect(() => readStackConfig(directory, "prod")).toThrow(ConfigError);
  expect(() => readStackConfig(directory, "prod")).toThrow(/--stack takes dev, local/);
});

test("a file that is not YAML is named", () => {
  const file = join(mkdtempSync(join(tmpdir(), "modelcar-stack-")), "Pulumi.x.yaml");
  writeFileSync(file, "config: [");
  expect(() => readStackConfig(directory, "x", file)).toThrow(/Pulumi\.x\.yaml, line 1: /);
});

test.each([
  ["a syntax error", 'config:\n  modelcar:hfToken: "canary\n\tx: 1\n', /line \d+: /],
  ["no set of keys", "config: canary\n", /config must be a set of keys/],
  ["a list", "- canary\n", /config must be a set of keys/],
  [
    "an alias of itself",
    "config:\n  modelcar:models: &canary [*canary]\n",
    /refers to the value that contains it/,
  ],
])("%s is an error that quotes nothing of the file", (_, content, message) => {
  const file = join(mkdtempSync(join(tmpdir(), "modelcar-stack-")), "Pulumi.x.yaml");
  writeFileSync(file, content);
  const read = () => readStackConfig(directory, "x", file);
  expect(read).toThrow(message);
  expect(read).not.toThrow(/canary/);
});
