import { expect, test, vi } from "vitest";
import type { StepTemplate, Task } from "./tekton.ts";

vi.mock("@pulumi/kubernetes", () => ({ apiextensions: { CustomResource: class {} } }));
vi.mock("@pulumi/pulumi", () => ({
  ComponentResource: class {
    registerOutputs() {}
  },
}));
const { Pipelines } = await import("./pipelines.ts");

const digestWith = (stepTemplate: StepTemplate | undefined, command = "true") => {
  const task: Task = {
    apiVersion: "tekton.dev/v1",
    kind: "Task",
    metadata: { name: "check" },
    spec: {
      steps: [{ name: "check", image: "tasks@sha256:1", command: [command] }],
      ...(stepTemplate ? { stepTemplate } : {}),
    },
  };
  const definition = {
    name: "checked",
    description: "",
    params: {},
    workspaces: {},
    steps: [{ task: "check" }],
    results: {},
  };
  const args = { namespace: "ai", pipelines: [definition], tasks: [task], timeoutMinutes: 60, defaults: {} };
  return new Pipelines("pipelines", args).digests.checked;
};
const namespace = { name: "NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } };

test("what a pod is told of itself asks for no other run, and everything else of a Task does", () => {
  const before = digestWith(undefined);
  expect(digestWith({ env: [namespace] })).toBe(before);
  expect(digestWith({ env: [namespace, { name: "LEVEL", value: "1" }] })).not.toBe(before);
  expect(digestWith({ securityContext: {} })).not.toBe(before);
  expect(digestWith(undefined, "false")).not.toBe(before);
});
