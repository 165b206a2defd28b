import { expect, test } from "vitest";
import { configure, locate, mustNoteAccess, nameOf } from "./location.ts";

test("the stack's config overrides the context in state, but not a resource's own kubeconfig", async () => {
  await configure({ config: { get: (key) => (key === "program:context" ? "mine" : undefined) } });
  expect(locate({ context: "theirs" }, "program:context")).toEqual({
    context: "mine",
    contextKey: "program:context",
  });
  expect(locate({ context: "theirs" }, "program:other")).toMatchObject({ context: "theirs" });
  expect(locate({ context: "theirs" })).toEqual({ context: "theirs" });
  expect(locate({ kubeconfig: "content", context: "admin" }, "program:context")).toEqual({
    kubeconfig: "content",
    context: "admin",
  });
});

test.each([
  ["the same", { context: "a" }, { context: "a" }, false],
  ["another context that is looked up in the config", { context: "a" }, { context: "b" }, false],
  ["a kubeconfig instead", { context: "a" }, { kubeconfig: "k" }, true],
  ["renewed credentials", { kubeconfig: "k" }, { kubeconfig: "l" }, true],
  ["another context of the same kubeconfig", { kubeconfig: "k", context: "a" }, { kubeconfig: "k" }, true],
])("%s: must it be stored in state?", (_, olds, news, expected) => {
  expect(mustNoteAccess({ ...olds, __provider: "with configure" }, news, "program:context")).toBe(expected);
});

test("without a config key, or with a provider older than it, state stores another context", () => {
  const [olds, news] = [{ context: "a", __provider: "with configure" }, { context: "b" }];
  expect(mustNoteAccess(olds, news)).toBe(true);
  expect(mustNoteAccess({ context: "a", __provider: "without" }, news, "program:context")).toBe(true);
});

test("a location's name contains no secret", () => {
  expect(nameOf({ kubeconfig: "token: secret", context: "admin" })).toBe('context "admin"');
  expect(nameOf({ kubeconfig: "token: secret" })).toBe("the kubeconfig's current context");
});
