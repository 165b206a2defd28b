import { expect, test, vi } from "vitest";
import type { StepTemplate, Task, TaskSpec } from "../../pipelines/tekton.ts";

vi.mock("@pulumi/kubernetes", () => ({
  apiextensions: { CustomResource: class {} },
  core: { v1: { ConfigMap: class {} } },
}));
vi.mock("@pulumi/pulumi", () => ({
  ComponentResource: class {
    registerOutputs() {}
  },
}));
const { Pipelines } = await import("./pipelines.ts");

const runtime = { args: [], env: {}, startupMinutes: 30 };
const deployments = {
  endpoint: { exposure: "none", timeoutSeconds: 600, mesh: false },
  servingRuntimes: { "vllm-cuda": runtime, "vllm-cpu": runtime },
  gpuMemoryUtilization: 0.9,
} as const;

const digestWith = (
  stepTemplate: StepTemplate | undefined,
  command = "true",
  more: Partial<TaskSpec> = {},
) => {
  const task: Task = {
    apiVersion: "tekton.dev/v1",
    kind: "Task",
    metadata: { name: "check" },
    spec: {
      steps: [{ name: "check", image: "tasks@sha256:1", command: [command] }],
      ...(stepTemplate ? { stepTemplate } : {}),
      ...more,
    },
  };
  const definition = {
    name: "checked",
    description: "",
    params: {},
    workspaces: {},
    tasks: [{ task: "check" }],
    results: {},
  };
  const common = { namespace: "ai", timeoutMinutes: 60, defaults: {}, deployments };
  const args = { ...common, pipelines: [definition], tasks: [task] };
  return new Pipelines("pipelines", args).digests.checked;
};
const namespace = { name: "NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } };

test("downward API variables start no new run, any other change of a Task does", () => {
  const before = digestWith(undefined);
  expect(digestWith({ env: [namespace] })).toBe(before);
  expect(digestWith({ env: [namespace, { name: "LEVEL", value: "1" }] })).not.toBe(before);
  expect(digestWith({ securityContext: {} })).not.toBe(before);
  expect(digestWith(undefined, "false")).not.toBe(before);
});

test("the templates for runs outside Pulumi start no new run", () => {
  const step = { name: "check", image: "tasks@sha256:1", command: ["true"] };
  const tmp = { name: "tmp", emptyDir: {} };
  const own = { name: "deployments", configMap: { name: "modelcar-deployments", optional: true } };
  const mounts = [{ name: "tmp", mountPath: "/tmp" }];
  const ownMount = { name: "deployments", mountPath: "/etc/modelcar/deployments", readOnly: true };
  const before = digestWith(undefined, "true", {
    steps: [{ ...step, volumeMounts: mounts }],
    volumes: [tmp],
  });
  const steps = [{ ...step, volumeMounts: [...mounts, ownMount] }];
  expect(digestWith(undefined, "true", { steps, volumes: [tmp, own] })).toBe(before);
  const another = { name: "deployments", configMap: { name: "another" } };
  expect(digestWith(undefined, "true", { steps, volumes: [tmp, another] })).not.toBe(before);
});
