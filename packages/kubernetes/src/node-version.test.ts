import { expect, test } from "vitest";
import { nodeProblem } from "./node-version.cjs";

const sentence =
  /Node \S+ \(\/\S+\) cannot load this program: TypeScript is switched off\. Remove --no-experimental-strip-types .*NODE_OPTIONS/;

test("for a Node without TypeScript the message has the found and the needed version, and what to do", () => {
  const node = { versions: { node: "20.20.2" }, features: {}, execPath: "/usr/bin/node" };
  expect(nodeProblem(node)).toMatch(
    /^Node 20\.20\.2 \(\/usr\/bin\/node\) cannot.*needs Node 22\.18 or newer/,
  );
  expect(nodeProblem({ ...node, features: { typescript: "strip" } })).toBeUndefined();
});

test.each(["20.20.2", "22.17.1", "23.5.0"])("Node %s is too old", (node) => {
  expect(nodeProblem({ versions: { node }, features: {}, execPath: "/node" })).toMatch(/needs Node 22\.18/);
});

test.each(["22.18.0", "23.6.0", "24.21.0", "25.0.0"])("Node %s has TypeScript switched off", (node) => {
  const said = nodeProblem({ versions: { node }, features: { typescript: false }, execPath: "/node" });
  expect(said).toMatch(sentence);
  expect(said).not.toMatch(/needs Node/);
});
