import { describe, expect, test } from "vitest";
import type { Config, Model } from "../config/config.ts";
import { servedModelsOf } from "./network.ts";
import { imageRegistriesOf, isPulledWithoutTls } from "./registries.ts";

const digest = "a".repeat(64);
const packed = (image: string) => ({
  name: "small",
  source: { huggingFace: "org/small", revision: digest },
  package: { kind: "modelcar", image },
});

/** The registries that tasks may reach, for the relevant parts of the config. */
const registries = (parts: object) =>
  imageRegistriesOf({ images: {}, models: [], ...parts } as unknown as Config);

describe("tasks reach", () => {
  test("the configured registry, once", () => {
    const imageRegistry = { server: "quay.io", plainHttp: false };
    expect(registries({ imageRegistry, models: [packed("quay.io/org/small")] })).toEqual(["quay.io"]);
  });

  test("the registry that a model is pushed to, even without imageRegistry, which only a login needs", () => {
    expect(registries({ models: [packed("ghcr.io/org/small")] })).toEqual(["ghcr.io"]);
  });

  test("the registry of the base image", () => {
    const images = { modelcarBase: `registry.access.redhat.com/ubi9/ubi-micro@sha256:${digest}` };
    expect(registries({ images, models: [packed("quay.io/org/small")] })).toEqual([
      "quay.io",
      "registry.access.redhat.com",
    ]);
    // The params of a run outside Pulumi tell where it pushes to.
    expect(registries({ images })).toEqual(["registry.access.redhat.com"]);
  });

  test("without TLS only the registry with plainHttp", () => {
    const imageRegistry = { server: "registry.example.com", plainHttp: true };
    expect(registries({ imageRegistry, models: [packed("quay.io/org/small")] })).toEqual([
      "http://registry.example.com",
      "quay.io",
    ]);
  });
});

test("a model's pods reach a registry only for an artefact, without TLS only with plainHttp", () => {
  const source = { uri: `oci://quay.io/org/files@sha256:${digest}` };
  const served = (mode: string, fetch: string) =>
    ({ name: "small", source, package: {}, serve: { mode, cache: { fetch } } }) as unknown as Model;
  const config = (server: string, plainHttp: boolean) =>
    ({ platform: "kubernetes", imageRegistry: { server, plainHttp } }) as unknown as Config;
  const registry = (mode: string, fetch: string, of: Config) =>
    servedModelsOf(served(mode, fetch), of)[0]?.registry;
  const [closed, open, other] = [config("quay.io", false), config("quay.io", true), config("ghcr.io", true)];
  expect(registry("deployment", "oras", closed)).toBe("quay.io");
  expect(registry("deployment", "oras", open)).toBe("http://quay.io");
  expect(registry("deployment", "oras", other)).toBe("quay.io");
  expect(registry("deployment", "image", closed)).toBeUndefined();
  expect(registry("kserve", "oras", closed)).toBeUndefined();
  expect(isPulledWithoutTls(served("deployment", "oras"), open)).toBe(true);
  expect(isPulledWithoutTls(served("deployment", "oras"), closed)).toBe(false);
  expect(isPulledWithoutTls(served("deployment", "oras"), other)).toBe(false);
  expect(isPulledWithoutTls(served("kserve", "oras"), open)).toBe(false);
});
