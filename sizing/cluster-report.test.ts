import { describe, expect, test } from "vitest";
import { defaults, full, quantized, serve, size, stack, task, withServe } from "./example-stack.ts";
import { sizeStack } from "./report.ts";
import type { Stack, StackModel } from "./stack.ts";

describe("the namespace", () => {
  test("a third GPU model is refused if the quota is for two", () => {
    const quota = { "requests.nvidia.com/gpu": "5" };
    expect(size({ project: { quota, limits: {} } }).errors).toEqual([]);
    const models = [quantized, full, { ...quantized, name: "third" }];
    expect(size({ project: { quota, limits: {} }, models }).errors).toEqual([
      'modelcar:project.quota["requests.nvidia.com/gpu"]: "5" must be at least 6: mistral-24b-quantized 1 + mistral-24b 4 + third 1',
    ]);
    const stopped = { ...quantized, name: "third", serve: { ...serve, stopped: true } };
    expect(size({ project: { quota, limits: {} }, models: [quantized, full, stopped] }).errors).toEqual([]);
  });

  test("OpenShift AI's storage initializer counts as 24Gi", () => {
    const project = { quota: { "limits.memory": "18Gi" }, limits: {} };
    const errors = (platform: Stack["platform"]) =>
      sizeStack(
        { ...stack, platform, models: [{ ...quantized, source: { uri: "s3://llm-models/x/" } }], project },
        () => [],
        defaults,
      ).errors;
    expect(errors("kubernetes")).toEqual([]);
    expect(errors("openshift")).toEqual([
      'modelcar:project.quota["limits.memory"]: "18Gi" must be at least 24Gi: mistral-24b-quantized 24Gi',
    ]);
  });

  test("bounds of the LimitRange", () => {
    const limits = { max: { memory: "24Gi" }, min: { cpu: "100m", memory: "64Mi" } };
    expect(size({ project: { quota: {}, limits } }).errors).toEqual([
      'modelcar:project.limits.min.cpu: "100m" must be at most 50m, the request of a container without its own resources, such as Tekton\'s init containers',
      'modelcar:project.limits.max.memory: "24Gi" must be at least 80Gi, the limit of mistral-24b',
    ]);
    const image: StackModel = { ...quantized, source: { uri: "oci://quay.io/org/model@sha256:0" } };
    const { errors } = size({ models: [image], project: { quota: {}, limits: { min: limits.min } } });
    expect(errors).toEqual([
      'modelcar:project.limits.min.cpu: "100m" must be at most 10m, the request of KServe\'s modelcar container',
      'modelcar:project.limits.min.memory: "64Mi" must be at most 15Mi, the request of KServe\'s modelcar container',
    ]);
  });

  test("a CPU limit below the request, which the API server refuses", () => {
    expect(withServe({ cpuLimit: "4" }).errors).toEqual([
      'modelcar:models[0].serve.cpuLimit: "4" must be at least 6, the value of serve.cpu',
    ]);
  });

  test("limits of GPUs are not counted, and those of CPU need every container to have one", () => {
    const project = { quota: { "limits.nvidia.com/gpu": "9", "limits.cpu": "99" }, limits: {} };
    expect(size({ project }).warnings).toEqual([
      'modelcar:project.quota["limits.nvidia.com/gpu"]: Kubernetes counts only requests.nvidia.com/gpu',
    ]);
    const { cpuLimit: _, ...unlimited } = task;
    expect(sizeStack({ ...stack, project }, () => [unlimited], defaults).errors).toEqual([
      expect.stringMatching(/quota\["limits\.cpu"\]: must be omitted: .*\(pull\)$/),
    ]);
  });

  test("volumes: imports and caches have claims, an existing claim has an unknown size", () => {
    const cached: StackModel = {
      ...quantized,
      source: { uri: "oci://quay.io/org/model@sha256:0" },
      serve: { ...serve, mode: "deployment", cache: { size: "20Gi" } },
    };
    expect(size({ models: [cached, full] }).lines).toContain("requests.storage            260Gi     260Gi");
    const existing = { ...full, source: { uri: "pvc://mistral-24b-pvc/" } };
    const { warnings, lines } = size({ models: [existing] });
    expect(lines.join("\n")).toMatch(/requests.storage +120Gi/);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.source\.uri: the computed quota does not include this claim/,
      ),
    ]);
    const known = { quota: { "requests.storage": "240Gi" }, limits: {} };
    expect(size({ models: [existing], project: known }).warnings).toEqual([]);
  });
});

describe("the nodes", () => {
  test("a pod that fits on no node", () => {
    const models = [
      quantized,
      { ...full, serve: { ...full.serve, cpu: "48", cpuLimit: "48", memory: "180Gi" } },
    ];
    expect(size({ models }).errors).toEqual([
      'modelcar:models[1].serve.cpu: "48" must be at most 47500m: the pod requests 48 of the 47500m that a g6.12xlarge has for pods',
    ]);
    expect(size({ models }).warnings).toEqual([
      expect.stringMatching(
        /^modelcar:models\[1\]\.serve\.memory: the pod requests 180\.0 GiB of the 181\.3 GiB .* DaemonSets/,
      ),
    ]);
  });

  test("a rolling update on GPUs needs the same number of free GPUs", () => {
    const { errors, warnings, lines } = withServe({ rollout: "RollingUpdate" });
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.serve\.rollout: a rollout of .* needs 1 free GPUs on a g6\.4xlarge/,
      ),
    ]);
    expect(lines).toContain("nodes: 1 × g6.4xlarge (GPUs: 1), 2 during rollouts");
    expect(lines).toContain("requests.nvidia.com/gpu     6         6");
  });

  test("replicas with a volume that only one node can mount", () => {
    const models = [{ ...full, serve: { ...full.serve, replicas: 2 } }];
    expect(size({ models }).warnings).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.package\.accessMode: up to 2 pods .* share mistral-24b-pvc/,
      ),
    ]);
  });

  test("autoscaling: nodes for all, and a range of costs", () => {
    const { lines } = withServe({ autoscaling: { minReplicas: 0, maxReplicas: 3 } });
    expect(lines).toContain("nodes: 3 × g6.4xlarge (GPUs: 1)");
    expect(lines.join("\n")).toMatch(/mistral-24b-quantized .*0\.00–3\.97 +0–2898/);
    expect(lines.join("\n")).toMatch(/total +4\.60–8\.57/);
  });

  test("stopped models need no node and cost nothing", () => {
    const { lines } = withServe({ stopped: true });
    expect(lines.join("\n")).toMatch(/mistral-24b-quantized \(stopped\) .* 0\.00 +0 /m);
    expect(lines.join("\n")).not.toContain("g6.4xlarge");
  });

  test("proxies of OpenShift AI and Istio count", () => {
    const requests = (report: ReturnType<typeof size>) =>
      report.lines.find((line) => line.startsWith("requests.cpu"));
    expect(requests(withServe({ auth: true }))).toContain("22600m");
    expect(requests(withServe({ auth: true }, { platform: "kubernetes" }))).toContain("22500m");
    expect(requests(size({ endpoint: { mesh: true } }))).toContain("22700m");
  });
});
