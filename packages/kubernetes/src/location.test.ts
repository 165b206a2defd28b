import { expect, test } from "vitest";
import { configure, locate, mustNoteAccess, nameOf } from "./location.ts";

test("the stack's config comes before the context in state, but not before a kubeconfig of the resource's own", async () => {
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
])("%s: must state note it?", (_, olds, news, expected) => {
  expect(mustNoteAccess({ ...olds, __provider: "with configure" }, news, "program:context")).toBe(expected);
});

test("without a config key, or with a provider of the time before it, state notes another context", () => {
  const [olds, news] = [{ context: "a", __provider: "with configure" }, { context: "b" }];
  expect(mustNoteAccess(olds, news)).toBe(true);
  expect(mustNoteAccess({ context: "a", __provider: "without" }, news, "program:context")).toBe(true);
});

test("a place has a name without anything secret", () => {
  expect(nameOf({ kubeconfig: "token: secret", context: "admin" })).toBe('context "admin"');
  expect(nameOf({ kubeconfig: "token: secret" })).toBe("the kubeconfig's current context");
});
