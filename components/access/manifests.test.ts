import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { taskAccount, taskJob } from "../../pipelines/jobs.ts";
import { servedModel } from "../../plan/network.ts";
import { type AccessSpec, commonAccounts, grants, role, roleBinding, taskAccounts } from "./manifests.ts";

const spec: AccessSpec = {
  namespace: "ai",
  tasks: ["register-model", "upload-to-minio", "run-guidellm-v2", "build-runtime", "deploy-model"],
  models: [servedModel({ name: "open", tokenAuth: false })],
  secrets: { serving: ["minio-serving"], imageRegistry: "quay-credentials" },
  registryToken: false,
};
const withAuth = { ...spec, models: [servedModel({ name: "closed", tokenAuth: true }), ...spec.models] };
const account = (of: AccessSpec, task: string) =>
  taskAccounts(of).find(({ metadata }) => metadata.name === taskAccount(task));

test("every task of this repository has a job.yaml", () => {
  const folders = readdirSync("tasks", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(`tasks/${entry.name}`).includes("task.yaml"))
    .map(({ name }) => name);
  expect(folders.length).toBeGreaterThan(2);
  expect(taskJob("run-guidellm-v2")).toBe(taskJob("run-guidellm"));
  for (const folder of folders) expect(() => taskJob(folder)).not.toThrow();
});

describe("accounts", () => {
  test("each task has its own, without a token unless it calls something that requires one", () => {
    const tokens = (of: AccessSpec) =>
      Object.fromEntries(
        taskAccounts(of).map(({ metadata, automountServiceAccountToken }) => [
          metadata.name,
          automountServiceAccountToken,
        ]),
      );
    expect(tokens(spec)).toEqual({
      "modelcar-register-model": false,
      "modelcar-upload-to-minio": false,
      "modelcar-run-guidellm-v2": false,
      "modelcar-build-runtime": false,
      "modelcar-deploy-model": true,
    });
    expect(tokens({ ...withAuth, registryToken: true })).toEqual({
      "modelcar-register-model": true,
      "modelcar-upload-to-minio": false,
      "modelcar-run-guidellm-v2": true,
      "modelcar-build-runtime": false,
      "modelcar-deploy-model": true,
    });
  });

  test("only tasks that push have the image registry's login", () => {
    expect(account(spec, "build-runtime")?.secrets).toEqual([{ name: "quay-credentials" }]);
    for (const task of ["register-model", "upload-to-minio", "deploy-model"]) {
      expect(account(spec, task)?.secrets).toBeUndefined();
    }
  });

  test("the shared ones have no token; that of models lists the object store's login for KServe", () => {
    const { pipeline, serving } = commonAccounts(spec);
    expect(pipeline).toEqual({
      metadata: { name: "modelcar-pipeline", namespace: "ai" },
      automountServiceAccountToken: false,
    });
    expect(serving.automountServiceAccountToken).toBe(false);
    expect(serving.secrets).toEqual([{ name: "minio-serving" }]);
  });
});

describe("roles", () => {
  test("only a task with rules has one, for its own resources and without secrets", () => {
    expect(grants(spec).map(({ name }) => name)).toEqual(["modelcar-deploy-model"]);
    const { rules } = role("ai", grants(spec)[0] as ReturnType<typeof grants>[number]);
    expect(rules).toEqual([
      {
        apiGroups: ["serving.kserve.io"],
        resources: ["servingruntimes", "inferenceservices"],
        verbs: ["get", "create", "patch", "delete"],
      },
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    ]);
  });

  test("callers of models that require a token may get exactly those InferenceServices", () => {
    expect(grants(withAuth)[1]).toEqual({
      name: "modelcar-model-caller",
      rules: [
        {
          apiGroups: ["serving.kserve.io"],
          resources: ["inferenceservices"],
          resourceNames: ["closed"],
          verbs: ["get"],
        },
      ],
      accounts: ["modelcar-run-guidellm-v2", "modelcar-deploy-model"],
    });
  });

  test("a binding may be in another namespace and refer to an existing Role", () => {
    const to = { name: "registrars", accounts: ["modelcar-register-model"] };
    const binding = roleBinding("registries", to, { role: "registry-user-mine", accountNamespace: "ai" });
    expect(binding).toEqual({
      metadata: { name: "registrars", namespace: "registries" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "registry-user-mine" },
      subjects: [{ kind: "ServiceAccount", name: "modelcar-register-model", namespace: "ai" }],
    });
  });
});
