import { expect, test } from "vitest";
import { type GoModule, ownPins, readReleases } from "./go-module.ts";

const required = (Path: string, Version: string, Indirect = false) => ({ Path, Version, Indirect });

const module: GoModule = {
  Go: "1.25",
  Require: [
    required("example.com/library", "v1.0.0"),
    required("k8s.io/api", "v0.35.0"),
    required("k8s.io/kubernetes", "v1.34.5", true),
    required("example.com/tool", "v0.1.0", true),
    required("example.com/tool/v3", "v3.1.0", true),
    required("example.com/needed", "v1.0.0", true),
  ],
  Replace: [{ Old: { Path: "k8s.io/api" }, New: { Version: "v0.34.5" } }],
  Tool: [{ Path: "example.com/tool/v3/cmd/registry" }, { Path: "k8s.io/kubernetes/cmd/kubelet" }],
};

test("direct requirements and the tools' own modules move; replace lines and holds keep them", () => {
  const pins = ownPins("local/tools/cluster/go.mod", module);
  expect(pins.map(({ path }) => path)).toEqual([
    "example.com/library",
    "k8s.io/api",
    "k8s.io/kubernetes",
    "example.com/tool/v3",
  ]);
  const [library, api, kubernetes] = pins;
  expect(library).toEqual({ path: "example.com/library", version: "v1.0.0", replaced: false });
  expect(api).toMatchObject({ replaced: true, hold: { because: "go.mod replaces it by v0.34.5" } });
  expect(kubernetes?.hold?.because).toContain("replaces its libraries");
});

test("the objects that go list prints are read one after another", () => {
  const output = '{\n\t"Path": "a",\n\t"Update": {\n\t\t"Version": "v2"\n\t}\n}\n{\n\t"Path": "b"\n}\n';
  expect(readReleases(output)).toEqual([{ Path: "a", Update: { Version: "v2" } }, { Path: "b" }]);
});
