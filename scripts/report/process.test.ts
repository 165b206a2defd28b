/** The program as a process: streams and exit status. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory, stackFileOf } from "../pipelines/test-stack.ts";
import { FakeS3 } from "./fake-s3.ts";
import { defaultLogin, TestWorld } from "./test-world.ts";

async function run(environment: Readonly<Record<string, string | undefined>>, args: readonly string[]) {
  const child = spawn(process.execPath, ["scripts/report.ts", ...args], {
    cwd: directory,
    env: { ...process.env, ...environment },
  });
  const text = { out: "", error: "" };
  child.stdout.on("data", (chunk) => (text.out += chunk));
  child.stderr.on("data", (chunk) => (text.error += chunk));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { ...text, status };
}

test("stdout has comparison.json and nothing else, by the stack's own context", async () => {
  const s3 = await FakeS3.start("llm-models", defaultLogin.accessKeyId);
  const { api } = await TestWorld.start(s3.port);
  try {
    for (const file of ["comparison.json", "report.html"]) {
      s3.objects.set(`reports/small/1-a/${file}`, {
        content: '{"passed":false}\n',
        time: "2026-01-02T00:00:00Z",
      });
    }
    const kubeconfig = join(mkdtempSync(join(tmpdir(), "modelcar-kube-")), "config");
    api.writeKubeconfig(kubeconfig, ["modelcar-local"], { elsewhere: "other" });
    const args = ["--json", "--config-file", stackFileOf("local")];
    expect(await run({ KUBECONFIG: kubeconfig }, args)).toEqual({
      out: '{"passed":false}\n',
      error: "",
      status: 0,
    });
  } finally {
    await Promise.all([api.stop(), s3.stop()]);
  }
}, 40_000);

test.each([
  [[], 1, "error: stack local has no /nowhere/pulumi/Pulumi.local.yaml: run npm start, which"],
  [["--config-file", stackFileOf("local")], 1, "no kubeconfig /nowhere/kubeconfig: start it with npm start"],
  [["--stack", "prod"], 1, "--stack takes dev, local"],
  [["--jsn"], 2, "error: unknown option --jsn"],
])(
  "%j before npm start",
  async (args, status, message) => {
    const { error, ...ended } = await run({ MODELCAR_STATE: "/nowhere", KUBECONFIG: undefined }, args);
    expect(ended).toEqual({ out: "", status });
    expect(error).toContain(message);
    expect(error).not.toContain("ENOENT");
  },
  40_000,
);
