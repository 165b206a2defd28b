/** Stand-in for `pulumi-resource-command`: `command:local:Command`. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { pulumiRequire } from "./plugin-server.ts";
import { equal, hasUnknowns, isSecret, type Properties, plainObject, secret } from "./properties.ts";
import type { Resource } from "./provider.ts";
import { serveProvider } from "./provider-server.ts";

const PLUGIN = "pulumi-resource-command";
const TYPE = "command:local:Command";
const INPUTS = new Set([
  "create",
  "update",
  "delete",
  "dir",
  "environment",
  "interpreter",
  "stdin",
  "triggers",
  "addPreviousOutputInEnv",
]);

const running = new AbortController();

function supported({ type }: Resource): void {
  if (type !== TYPE) {
    throw new Error(`${PLUGIN} here is a stand-in that serves only ${TYPE}, not ${type}`);
  }
}

/** Runs `command` with the inputs' interpreter, directory, environment and standard input. */
async function execute(
  command: string,
  inputs: Properties,
  previous: Properties,
): Promise<{ stdout: string; stderr: string }> {
  const [program = "/bin/sh", ...args] = (inputs.interpreter as string[] | undefined) ?? ["/bin/sh", "-c"];
  const addPrevious = inputs.addPreviousOutputInEnv !== false;
  const child = spawn(program, [...args, command], {
    ...(inputs.dir === undefined ? {} : { cwd: String(inputs.dir) }),
    env: {
      ...process.env,
      ...(inputs.environment as Record<string, string> | undefined),
      ...(addPrevious && previous.stdout ? { PULUMI_COMMAND_STDOUT: String(previous.stdout) } : {}),
      ...(addPrevious && previous.stderr ? { PULUMI_COMMAND_STDERR: String(previous.stderr) } : {}),
    },
    stdio: ["pipe", "pipe", "pipe"],
    signal: running.signal,
  });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  // A command that does not read its input closes it early, which is no error.
  child.stdin.on("error", () => {});
  child.stdin.end(inputs.stdin === undefined ? "" : String(inputs.stdin));
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => resolve(exitCode ?? signal ?? "unknown"));
  });
  // The command itself may contain a secret, so only its output is shown.
  if (code !== 0) throw new Error(`the command ended with exit status ${code}:\n${output.stderr}`);
  // The official provider also strips one trailing newline.
  return { stdout: output.stdout.replace(/\n$/, ""), stderr: output.stderr.replace(/\n$/, "") };
}

/** The outputs: secret when the standard input or an environment variable is. */
function outputs(inputs: Properties, result: Properties): Properties {
  const environment = inputs.environment;
  const isSensitive =
    isSecret(inputs.stdin) ||
    isSecret(environment) ||
    Object.values((environment as Properties | undefined) ?? {}).some(isSecret);
  const mark = (value: unknown) => (isSensitive ? secret(value) : value);
  return { ...inputs, stdout: mark(result.stdout), stderr: mark(result.stderr) };
}

await serveProvider({
  plugin: PLUGIN,
  version: (pulumiRequire("@pulumi/command/package.json") as { version: string }).version.replace(/^v/, ""),

  async check(resource, _olds, news) {
    supported(resource);
    const failures = Object.keys(news)
      .filter((name) => !INPUTS.has(name))
      .map((property) => ({
        property,
        reason: `${PLUGIN} here is a stand-in that does not know this input`,
      }));
    return { inputs: news, failures };
  },

  async diff(_resource, _id, olds, oldInputs, news) {
    const before = plainObject(Object.keys(oldInputs).length > 0 ? oldInputs : olds);
    const after = plainObject(news);
    const changed = [...INPUTS].filter(
      (name) => !equal(before[name], after[name]) || hasUnknowns(after[name]),
    );
    return {
      changes: new Map(changed.map((name) => [name, { kind: "update", replace: name === "triggers" }])),
    };
  },

  async create(resource, inputs, { preview }) {
    supported(resource);
    if (preview) return { id: "", outputs: inputs };
    const plainInputs = plainObject(inputs);
    const result =
      plainInputs.create === undefined
        ? { stdout: "", stderr: "" }
        : await execute(String(plainInputs.create), plainInputs, {});
    return { id: `create${randomBytes(4).toString("hex")}`, outputs: outputs(inputs, result) };
  },

  async read(_resource, id, inputs, state) {
    return { id, outputs: state, inputs };
  },

  async update(_resource, _id, olds, news, { preview }) {
    if (preview) return news;
    const plainNews = plainObject(news);
    const command = plainNews.update ?? plainNews.create;
    const previous = plainObject(olds);
    if (command === undefined) return outputs(news, previous);
    return outputs(news, await execute(String(command), plainNews, previous));
  },

  async delete(_resource, _id, state) {
    const plainState = plainObject(state);
    if (plainState.delete !== undefined) await execute(String(plainState.delete), plainState, plainState);
  },

  cancel() {
    running.abort();
  },
});
