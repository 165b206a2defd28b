import { describe, expect, it } from "vitest";
import { checkedInputs, declaredInputs, importedInputs, isAutonamed, manifest, prune } from "./check.ts";
import { type Kind, kindOf } from "./kinds.ts";

const kind = (token: string): Kind => kindOf({ urn: "", name: "", type: token });
const configMap = kind("kubernetes:core/v1:ConfigMap");
const secret = kind("kubernetes:core/v1:Secret");
const seed = Buffer.from("seed");

describe("checkedInputs", () => {
  it("names an object without a name, and keeps that name", () => {
    const first = checkedInputs(configMap, "Files", {}, { data: {} }, "default", seed);
    expect(first).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: expect.stringMatching(/^files-[0-9a-f]{8}$/), namespace: "default" },
    });
    expect(isAutonamed(first)).toBe(true);
    const second = checkedInputs(
      configMap,
      "Files",
      first,
      { data: { a: "1" } },
      "default",
      Buffer.from("other"),
    );
    expect(second.metadata).toEqual(first.metadata);
  });

  it("takes a new name when the old one was the program's own", () => {
    const olds = checkedInputs(configMap, "files", {}, { metadata: { name: "mine" } }, "default", seed);
    expect(isAutonamed(olds)).toBe(false);
    const news = checkedInputs(configMap, "files", olds, {}, "default", seed);
    expect(news).toMatchObject({ metadata: { name: expect.stringMatching(/^files-/) } });
  });

  it("gives no namespace to what has none, and refuses generateName", () => {
    const namespace = kind("kubernetes:core/v1:Namespace");
    const inputs = { metadata: { name: "n", namespace: "x", uid: "y" } };
    expect(checkedInputs(namespace, "n", {}, inputs, "default", seed).metadata).toEqual({ name: "n" });
    const generated = { metadata: { generateName: "n-" } };
    expect(() => checkedInputs(configMap, "n", {}, generated, "default", seed)).toThrow("generateName");
  });
});

it("sends a Secret's text as data, and reads it back as text", () => {
  const inputs = { apiVersion: "v1", kind: "Secret", stringData: { a: "text" }, data: { b: "Yg==" } };
  const sent = manifest(inputs);
  expect(sent).toEqual({ apiVersion: "v1", kind: "Secret", data: { a: "dGV4dA==", b: "Yg==" } });
  const live = { ...sent, data: { a: "bmV3", b: "Yg==", c: "Yw==" }, type: "Opaque" };
  expect(declaredInputs(secret, live, inputs)).toEqual({ ...inputs, stringData: { a: "new" } });
});

it("imports all but what the server sets", () => {
  const live = {
    kind: "ConfigMap",
    metadata: { name: "a", uid: "1", labels: { l: "1" } },
    data: {},
    status: {},
  };
  expect(importedInputs(live)).toEqual({
    kind: "ConfigMap",
    metadata: { name: "a", labels: { l: "1" } },
    data: {},
  });
});

describe("prune", () => {
  it("keeps declared fields with their live values, and empty ones that the server leaves out", () => {
    const live = { a: 2, foreign: 1, nested: { b: 3, foreign: 1 } };
    const inputs = { a: 1, nested: { b: 1, off: false }, list: [], gone: "x" };
    expect(prune(configMap, live, inputs)).toEqual({ a: 2, nested: { b: 3, off: false }, list: [] });
  });

  it("takes entries of named lists in the declared order, without those of others", () => {
    const live = [{ name: "injected" }, { name: "b", image: "2", more: 1 }, { name: "a", image: "1" }];
    const inputs = [
      { name: "a", image: "1" },
      { name: "b", image: "1" },
    ];
    expect(prune(configMap, live, inputs)).toEqual([
      { name: "a", image: "1" },
      { name: "b", image: "2" },
    ]);
  });

  it("keeps additional entries of other lists, and of lists in custom resources", () => {
    expect(prune(configMap, ["a", "b"], ["a"])).toEqual(["a", "b"]);
    const task = kind("kubernetes:tekton.dev/v1:Task");
    expect(prune(task, [{ name: "a" }, { name: "b" }], [{ name: "a" }])).toHaveLength(2);
  });
});
