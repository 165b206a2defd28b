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
    /modelcar:models is encrypted, and only Pulumi can read it/,
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
  expect(() => readStackConfig(directory, "x", file)).toThrow(/Pulumi\.x\.yaml: /);
});
