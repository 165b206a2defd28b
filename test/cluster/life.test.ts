/**
 * The life of the stack `local`, as its user sees it: start, chat, drift, change, mistakes, crashes. The tests run in this order;
 * each continues from the one before. The other cluster tests continue with the platform, and end.test.ts deletes it.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import { gatewayUrl } from "../../local/chat.ts";
import hubModels from "../../local/hub/models.json" with { type: "json" };
import { gatewayPort } from "../../local/paths.ts";
import {
  type CommandResult,
  commandLines,
  configure,
  crash,
  kubectl,
  list,
  outputs,
  project,
  pulumi,
  script,
  scriptOf,
  stateDirectory,
} from "./platform.ts";

const namespace = "private-ai-demo";
const [sums] = hubModels.repositories;
const revisions = sums?.revisions.map(({ revision }) => revision) ?? [];
const served = revisions.at(-1) as string;
const earlier = revisions[0] as string;

async function chat(question: string): Promise<string | null | undefined> {
  const { models } = await outputs();
  const client = new OpenAI({ baseURL: `${gatewayUrl(models.sums.url, gatewayPort)}/v1`, apiKey: "none" });
  const answer = await client.chat.completions.create({
    model: "sums",
    temperature: 0,
    messages: [{ role: "user", content: question }],
  });
  return answer.choices[0]?.message.content?.trim();
}

const podUids = async () =>
  (await list("pods", "-n", namespace, "-l", "serving.kserve.io/inferenceservice")).map(
    (pod) => pod.metadata.uid,
  );
const runNames = async () =>
  (await list("pipelineruns", "-n", namespace)).map((run) => run.metadata.name).sort();

const logFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

beforeAll(async () => {
  configure();
  expect((await script("local", "delete")).status).toBe(0);
});

describe("the first start", () => {
  it("brings up the platform and the stack and shows an answer", async () => {
    const start = await script("start");
    expect(start.status).toBe(0);
    expect(start.output).toMatch(/sums: 12/);
  });

  it("serves the model to an OpenAI client on the loopback", async () => {
    expect(await chat("What is 7 plus 5?")).toBe("12");
    expect(await chat("What is 21 plus 14?")).toBe("35");
  });

  it("pulled the pinned revision, stored it, and registered it with where it came from", async () => {
    const { models } = await outputs();
    expect(models.sums).toMatchObject({ revision: served, storageUri: `s3://llm-models/sums/${served}/` });
    const registry = gatewayUrl((await outputs()).modelRegistry, gatewayPort);
    const response = await fetch(
      `${registry}/api/model_registry/v1alpha3/model_versions/${models.sums.modelVersionId}`,
    );
    const version = (await response.json()) as { registeredModelId: string; customProperties: object };
    expect(version.registeredModelId).toBe(models.sums.registeredModelId);
    expect(JSON.stringify(version.customProperties)).toContain(served);
    expect(JSON.stringify(version.customProperties)).toContain(models.sums.pipelineRun);
  });

  it("leaves no change for a preview", async () => {
    expect((await pulumi("preview", "--expect-no-changes")).status).toBe(0);
  });

  it("changes nothing when it is run again", async () => {
    const before = [await podUids(), await runNames()];
    const again = await script("start");
    expect(again.status).toBe(0);
    expect(again.output).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
    expect([await podUids(), await runNames()]).toEqual(before);
  });
});

describe("drift", () => {
  it("shows in a plain preview and is repaired by up", async () => {
    const quota = () => list("resourcequota", "-n", namespace).then(([item]) => item.spec.hard);
    const declared = await quota();
    const patch = JSON.stringify({ spec: { hard: { "requests.memory": "1Gi" } } });
    await kubectl(
      "patch",
      "resourcequota",
      "ai-workload-quota",
      "-n",
      namespace,
      "--type=merge",
      "--patch",
      patch,
    );
    const preview = await pulumi("preview", "--diff");
    expect(preview.status).toBe(0);
    expect(preview.output).toMatch(/ResourceQuota/);
    expect(preview.output).toMatch(/requests\.memory.*1Gi/);
    expect((await pulumi("up", "--yes", "--skip-preview")).status).toBe(0);
    expect(await quota()).toEqual(declared);
  });
});

describe("mistakes", () => {
  it("names five mistakes of the configuration at once and creates nothing", async () => {
    configure((config) => {
      config["modelcar:platform"] = "mainframe";
      config["modelcar:namespace"] = "Not_A_Name";
      config["modelcar:registry"] = { kind: "url", url: "nowhere" };
      config["modelcar:models"][0].source.revision = "main";
      config["modelcar:models"][0].serve.memory = "lots";
    });
    const before = await runNames();
    const up = await pulumi("up", "--yes", "--skip-preview");
    expect(up.status).not.toBe(0);
    for (const key of [
      "modelcar:platform",
      "modelcar:namespace",
      "modelcar:registry.url",
      "models[0].source.revision",
      "models[0].serve.memory",
    ]) {
      expect(up.output).toContain(key);
    }
    expect(up.output).not.toMatch(/ {4}at /);
    expect(await runNames()).toEqual(before);
  });

  it("says which task and step failed, with its last log lines, within seconds", async () => {
    configure((config) => {
      config["modelcar:models"][0].source.huggingFace = "modelcar/not-there";
    });
    const up = await pulumi("up", "--yes", "--skip-preview");
    const seen = Date.now();
    expect(up.status).not.toBe(0);
    expect(up.output).toMatch(/pull-model-from-huggingface/);
    expect(up.output).toMatch(/step/);
    expect(up.output).toMatch(/modelcar\/not-there/);
    const runs = await list("pipelineruns", "-n", namespace);
    const failed = runs.find((run) => run.status.conditions[0].status === "False");
    expect(seen - Date.parse(failed.status.completionTime)).toBeLessThan(30_000);
    // The model that was served is still served.
    expect(await chat("What is 7 plus 5?")).toBe("12");
  });
});

const canaries = Object.fromEntries(
  [
    "hfToken",
    "imageRegistryPassword",
    "modelRegistryToken",
    "objectStoreAccessKey",
    "objectStoreSecretKey",
  ].map((key) => [key, `canary-${key}-${randomBytes(8).toString("hex")}`]),
);

describe("another revision, under the user's own secrets", () => {
  let up: CommandResult;
  const setSecret = async (key: string) => {
    const result = await script(
      "pulumi",
      "config",
      "set",
      "--secret",
      `modelcar:${key}`,
      canaries[key] as string,
    );
    expect(result.status).toBe(0);
  };

  it("is imported and served, and nothing else changes", async () => {
    for (const key of Object.keys(canaries).filter((key) => key !== "modelRegistryToken")) {
      await setSecret(key);
    }
    configure((config) => {
      config["modelcar:imageRegistry"] = { server: "quay.io", username: "robot" };
      config["modelcar:models"][0].source.revision = earlier;
    });
    up = await pulumi("up", "--yes", "--skip-preview");
    expect(up.status).toBe(0);
    const { models } = await outputs();
    expect(models.sums.revision).toBe(earlier);
    const service = (await list("inferenceservices", "-n", namespace)).find(
      (item) => item.metadata.name === "sums",
    );
    expect(service.spec.predictor.model.storageUri).toBe(`s3://llm-models/sums/${earlier}/`);
    expect(await chat("What is 7 plus 5?")).toMatch(/^\d+$/);
  });

  it("also keeps the token of a registry that requires one", async () => {
    await setSecret("modelRegistryToken");
    configure((config) => {
      config["modelcar:imageRegistry"] = { server: "quay.io", username: "robot" };
      config["modelcar:models"][0].source.revision = earlier;
      config["modelcar:registry"] = { kind: "url", url: "http://registry.test", auth: "token" };
    });
    const only = await pulumi("up", "--yes", "--skip-preview", "--target", "**credentials-registry");
    expect(only.status).toBe(0);
    up = { ...up, output: up.output + only.output };
  });

  it("has those secrets in Secrets, and nowhere else in plain text", async () => {
    const secrets = await list("secrets", "--all-namespaces");
    const decoded = secrets
      .flatMap(({ data }) => Object.values<string>(data ?? {}))
      .map((value) => Buffer.from(value, "base64").toString())
      .join("\n");
    for (const [key, value] of Object.entries(canaries)) expect(decoded, key).toContain(value);

    const kinds =
      "events,pods,jobs,deployments,configmaps,serviceaccounts,pipelineruns,taskruns,tasks,inferenceservices,servingruntimes";
    const places: Record<string, string> = {
      "what up said": up.output,
      "the state": (await script("pulumi", "stack", "export")).output,
      "the objects": await kubectl("get", kinds, "--all-namespaces", "-o", "json"),
      "the commands of running processes": commandLines().join("\n"),
      "the logs of the platform": execFileSync("cat", logFiles(`${stateDirectory}/logs`), {
        encoding: "utf8",
        maxBuffer: 1 << 30,
      }),
    };
    for (const { metadata } of await list("pods", "--all-namespaces")) {
      const of = ["-n", metadata.namespace, metadata.name];
      places[`the log of ${of.join(" ")}`] = await kubectl("logs", "--all-containers", ...of).catch(() => "");
    }
    expect(Object.keys(places).length).toBeGreaterThan(15);
    for (const [place, text] of Object.entries(places)) {
      for (const [key, value] of Object.entries(canaries)) {
        expect(text.includes(value), `${key} in ${place}`).toBe(false);
        const encoded = Buffer.from(value).toString("base64").replace(/=+$/, "");
        expect(text.includes(encoded), `${key} in base64 in ${place}`).toBe(false);
      }
    }
  });
});

describe("a rearranged program", () => {
  beforeAll(async () => {
    expect((await script("pulumi", "config", "rm", "modelcar:modelRegistryToken")).status).toBe(0);
    configure((config) => {
      config["modelcar:imageRegistry"] = { server: "quay.io", username: "robot" };
      config["modelcar:models"][0].source.revision = earlier;
    });
    expect((await pulumi("up", "--yes", "--skip-preview")).status).toBe(0);
  });

  it("replaces nothing when a component has another name and its file is moved", async () => {
    const copy = mkdtempSync(join(tmpdir(), "modelcar-rearranged-"));
    try {
      const files = execFileSync("git", ["ls-files"], { encoding: "utf8", cwd: project }).split("\n");
      for (const file of files.filter((file) => file && existsSync(join(project, file)))) {
        cpSync(join(project, file), join(copy, file));
      }
      symlinkSync(join(project, "node_modules"), join(copy, "node_modules"));
      const edit = (file: string, change: (text: string) => string) => {
        const before = readFileSync(join(copy, file), "utf8");
        const after = change(before);
        expect(after, file).not.toBe(before);
        writeFileSync(join(copy, file), after);
      };
      renameSync(join(copy, "components/storage/storage.ts"), join(copy, "components/storage/volumes.ts"));
      const imported = "/storage/storage.ts";
      for (const file of files.filter((file) => /^(index|components\/.*)\.ts$/.test(file))) {
        const text = existsSync(join(copy, file)) ? readFileSync(join(copy, file), "utf8") : "";
        if (text.includes(imported))
          edit(file, () => text.replaceAll(imported, imported.replace("storage.ts", "volumes.ts")));
      }
      edit("index.ts", (text) =>
        text.replace(
          /new Storage\("storage", (.*), inProject\);/,
          (_, args) => `new Storage("volumes", ${args}, { ...inProject, aliases: [{ name: "storage" }] });`,
        ),
      );
      const preview = await scriptOf(
        copy,
        "pulumi",
        "preview",
        "--non-interactive",
        "--color=never",
        "--expect-no-changes",
      );
      // Whole words, because a Job is named create-bucket.
      expect(preview.output).not.toMatch(/ (replace|create|delete)d?(?= |$)/im);
      expect(preview.status).toBe(0);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
});

describe("the user's secrets", () => {
  it("can be removed again, which leaves the committed stack", async () => {
    for (const key of Object.keys(canaries).filter((key) => key !== "modelRegistryToken")) {
      expect((await script("pulumi", "config", "rm", `modelcar:${key}`)).status).toBe(0);
    }
    configure();
    expect((await script("start")).status).toBe(0);
    expect(await chat("What is 7 plus 5?")).toBe("12");
  });
});

describe("a crash", () => {
  it.each(["apiServer", "kubelet", "containerd", "gateway"] as const)(
    "of the %s is repaired by start",
    async (command) => {
      crash(command);
      expect((await script("start")).status).toBe(0);
      expect(await chat("What is 7 plus 5?")).toMatch(/^\d+$/);
    },
  );

  it("of everything is repaired by start", async () => {
    const { pid } = JSON.parse(readFileSync(`${stateDirectory}/sandbox.json`, "utf8"));
    process.kill(pid, "SIGKILL");
    expect((await script("start")).status).toBe(0);
    expect(await chat("What is 7 plus 5?")).toMatch(/^\d+$/);
  });
});
