import { expect, test } from "vitest";
import { choose, pinsOf, type Release } from "./npm.ts";

const releases: Release[] = [
  { version: "1.0.0" },
  { version: "1.10.0" },
  { version: "1.9.0" },
  { version: "1.11.0", deprecated: "broken" },
  { version: "1.12.0-beta.1" },
  { version: "2.0.0", engines: { node: ">=26" } },
];
const anywhere = () => true;
const old = (needed: string) => needed !== ">=26";

test("a pin moves to the newest release that is neither deprecated nor a prerelease", () => {
  expect(choose("1.0.0", releases, undefined, anywhere)).toEqual({ version: "2.0.0" });
});

test("a release that needs another Node is skipped and named", () => {
  expect(choose("1.0.0", releases, undefined, old)).toEqual({
    version: "1.10.0",
    reason: "2.0.0 needs Node >=26",
  });
});

test("a hold keeps a pin, or lets it move within a range", () => {
  const because = "tested";
  expect(choose("1.0.0", releases, { because }, anywhere)).toEqual({ version: "1.0.0", reason: because });
  expect(choose("1.0.0", releases, { within: "<1.10", because }, anywhere)).toEqual({
    version: "1.9.0",
    reason: because,
  });
  expect(choose("2.0.0", releases, { because }, anywhere)).toEqual({ version: "2.0.0" });
});

test("no pin moves to an older version", () => {
  expect(choose("1.11.0", [{ version: "1.10.0" }], undefined, anywhere)).toEqual({ version: "1.11.0" });
  expect(choose("1.11.0", [], undefined, anywhere)).toEqual({ version: "1.11.0" });
});

test("pins are the exact versions of all manifests, without the checkout's own packages", () => {
  const manifests = [
    {
      name: "program",
      dependencies: { "@own/run": "0.1.0", yaml: "2.9.1" },
      devDependencies: { zod: "4.6.7" },
    },
    { name: "@own/run", dependencies: { "client-node": "2.0.1" }, peerDependencies: { pulumi: "^3.1.0" } },
    { name: "example", dependencies: { "@own/run": "file:own-run-0.1.0.tgz", yaml: "2.9.1" } },
  ];
  expect(Object.fromEntries(pinsOf(manifests))).toEqual({
    yaml: "2.9.1",
    zod: "4.6.7",
    "client-node": "2.0.1",
  });
});
