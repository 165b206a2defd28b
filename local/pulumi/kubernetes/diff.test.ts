import { describe, expect, it } from "vitest";
import type { Properties } from "../properties.ts";
import { type DiffOptions, diffObject, propertyPath } from "./diff.ts";
import { type Kind, kindOf } from "./kinds.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const kind = (token: string): Kind => kindOf({ urn: "", name: "", type: token });
const options: DiffOptions = { enableSecretMutable: false, enableConfigMapMutable: false, ignoreChanges: [] };

/** The changes as `path → kind`, with `!` for those that replace. */
function changes(
  token: string,
  olds: Properties,
  news: Properties,
  live: Properties = olds,
  more: Partial<DiffOptions> = {},
): Record<string, string> {
  const result = diffObject(kind(token), named(olds), named(live), named(news), { ...options, ...more });
  return Object.fromEntries(
    [...result.changes].map(([path, { kind: change, replace }]) => [path, replace ? `${change}!` : change]),
  );
}

function named(object: Properties): Properties {
  const metadata = { name: "n", namespace: "ns", ...(object.metadata as Properties | undefined) };
  return { ...object, metadata };
}

const QUOTA = "kubernetes:core/v1:ResourceQuota";

describe("diffObject", () => {
  it("finds nothing between equal inputs, also when the cluster added fields", () => {
    const olds = { spec: { hard: { cpu: "1000m" } } };
    const live = { spec: { hard: { cpu: "1", pods: "3" } }, status: { hard: {} } };
    expect(changes(QUOTA, olds, { spec: { hard: { cpu: 1 } } }, live)).toEqual({});
  });

  it("tells additions, deletions and updates", () => {
    const olds = { spec: { hard: { cpu: "1", pods: "3" } } };
    const news = { spec: { hard: { cpu: "2", memory: "1Gi" } } };
    expect(changes(QUOTA, olds, news)).toEqual({
      "spec.hard.cpu": "update",
      "spec.hard.pods": "delete",
      "spec.hard.memory": "add",
    });
  });

  it("takes drift of a declared field for a change", () => {
    const inputs = { spec: { hard: { cpu: "1", pods: "3" } } };
    expect(changes(QUOTA, inputs, inputs, { spec: { hard: { cpu: "5" } } })).toEqual({
      "spec.hard.cpu": "update",
      "spec.hard.pods": "add",
    });
  });

  it("takes an unknown value for a change", () => {
    const olds = { spec: { hard: { cpu: "1" } } };
    expect(changes(QUOTA, olds, { spec: { hard: { cpu: UNKNOWN } } })).toEqual({ "spec.hard.cpu": "update" });
  });

  it("leaves out ignored changes and all below them", () => {
    const olds = { spec: { hard: { cpu: "1" } }, metadata: { labels: { a: "1" } } };
    const news = { spec: { hard: { cpu: "2" } }, metadata: { labels: { a: "2" } } };
    expect(changes(QUOTA, olds, news, olds, { ignoreChanges: ["spec.hard"] })).toEqual({
      "metadata.labels.a": "update",
    });
  });
});

describe("replacement", () => {
  it.each([
    ["metadata.name", QUOTA, { metadata: { name: "a" } }, { metadata: { name: "b" } }],
    ["metadata.namespace", QUOTA, { metadata: { namespace: "a" } }, { metadata: { namespace: "b" } }],
    ["spec.selector.matchLabels.a", "kubernetes:apps/v1:Deployment", selector("1"), selector("2")],
    [
      "spec.template.x",
      "kubernetes:batch/v1:Job",
      { spec: { template: { x: 1 } } },
      { spec: { template: { x: 2 } } },
    ],
    [
      "spec.storageClassName",
      "kubernetes:core/v1:PersistentVolumeClaim",
      { spec: { storageClassName: "a" } },
      { spec: { storageClassName: "b" } },
    ],
    ["data.a", "kubernetes:core/v1:Secret", { data: { a: "YQ==" } }, { data: { a: "Yg==" } }],
    ["data.a", "kubernetes:core/v1:ConfigMap", { data: { a: "a" } }, { data: { a: "b" } }],
  ])("is needed for %s of %s", (path, token, olds, news) => {
    expect(changes(token, olds, news)).toEqual({ [path]: "update!" });
  });

  it("is not needed for a claim's size", () => {
    const size = (storage: string) => ({ spec: { resources: { requests: { storage } } } });
    expect(changes("kubernetes:core/v1:PersistentVolumeClaim", size("1Gi"), size("2Gi"))).toEqual({
      "spec.resources.requests.storage": "update",
    });
  });

  it("is not needed for the data of a mutable Secret, but for its type", () => {
    const olds = { apiVersion: "v1", kind: "Secret", stringData: { a: "1" }, type: "Opaque" };
    const news = { ...olds, stringData: { a: "2" }, type: "other" };
    const live = { apiVersion: "v1", kind: "Secret", data: { a: "MQ==" }, type: "Opaque" };
    const mutable = { enableSecretMutable: true };
    expect(changes("kubernetes:core/v1:Secret", olds, news, live, mutable)).toEqual({
      "stringData.a": "update",
      type: "update!",
    });
    expect(changes("kubernetes:core/v1:Secret", olds, olds, live)).toEqual({});
  });

  it("deletes first when the name stays and is the program's own", () => {
    const configMap = kind("kubernetes:core/v1:ConfigMap");
    const [olds, news] = [named({ data: { a: "1" } }), named({ data: { a: "2" } })];
    expect(diffObject(configMap, olds, olds, news, options).deleteBeforeReplace).toBe(true);
    const autonamed = named({
      metadata: { annotations: { "pulumi.com/autonamed": "true" } },
      data: { a: "2" },
    });
    expect(diffObject(configMap, olds, olds, autonamed, options).deleteBeforeReplace).toBe(false);
    const renamed = named({ metadata: { name: "other" } });
    expect(diffObject(configMap, olds, olds, renamed, options).deleteBeforeReplace).toBe(false);
  });
});

function selector(a: string): Properties {
  return { spec: { selector: { matchLabels: { a } } } };
}

it("writes property paths as the engine does", () => {
  expect(propertyPath(["spec", "containers", 0, "env"])).toBe("spec.containers[0].env");
  expect(propertyPath(["metadata", "labels", "a.b/c"])).toBe('metadata.labels["a.b/c"]');
});
