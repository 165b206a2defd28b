import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Program, tool } from "./tools.ts";

/** A real API server with its controllers, but without nodes: objects are stored, pods stay pending. */
export interface ControlPlane {
  readonly kubeconfig: string;
  /** Calls the API as an administrator; throws on an unsuccessful response. */
  readonly call: (method: string, path: string, body?: unknown, contentType?: string) => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** Starts etcd, the API server and the controller manager on free local ports; all files are in `directory`. */
export async function startControlPlane(directory: string): Promise<ControlPlane> {
  mkdirSync(directory, { recursive: true });
  const processes: ChildProcess[] = [];
  const start = (name: Program, args: string[]) => {
    const log = createWriteStream(join(directory, `${name}.log`));
    const child = spawn(tool(name), args, { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    processes.push(child);
  };
  const stop = async () => {
    await Promise.all(
      processes.reverse().map(async (child) => {
        if (child.exitCode !== null) return;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await ended;
      }),
    );
  };
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const server = `https://127.0.0.1:${apiPort}`;
  const token = randomBytes(16).toString("hex");
  const file = (name: string, content: string | Buffer) => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const serviceAccountKey = file("service-account.key", privateKey.export({ type: "pkcs1", format: "pem" }));
  const kubeconfig = file(
    "kubeconfig",
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { server, "insecure-skip-tls-verify": true } }],
      users: [{ name: "admin", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    }),
  );
  start("etcd", [
    `--data-dir=${join(directory, "etcd")}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
  ]);
  start("kube-apiserver", [
    `--etcd-servers=${etcd}`,
    `--secure-port=${apiPort}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--cert-dir=${join(directory, "certificates")}`,
    `--token-auth-file=${file("tokens.csv", `${token},admin,admin,system:masters\n`)}`,
    "--authorization-mode=RBAC",
    "--service-cluster-ip-range=10.96.0.0/16",
    `--service-account-key-file=${serviceAccountKey}`,
    `--service-account-signing-key-file=${serviceAccountKey}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--endpoint-reconciler-type=none",
  ]);
  const call: ControlPlane["call"] = async (method, path, body, contentType = "application/json") => {
    const { request } = await import("node:https");
    return new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": contentType };
      const options = { method, headers, rejectUnauthorized: false };
      const sent = request(`${server}${path}`, options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => {
          if ((response.statusCode ?? 500) >= 300) reject(new Error(`${response.statusCode}: ${text}`));
          else resolve(text.startsWith("{") ? JSON.parse(text) : text);
        });
      });
      sent.once("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  };
  try {
    await until(() => call("GET", "/readyz"), "the API server");
    start("kube-controller-manager", [
      `--kubeconfig=${kubeconfig}`,
      "--controllers=*,-nodeipam,-cloud-node-lifecycle-controller",
      `--service-account-private-key-file=${serviceAccountKey}`,
      "--use-service-account-credentials=false",
      "--leader-elect=false",
      "--secure-port=0",
      "--concurrent-namespace-syncs=2",
    ]);
    await until(() => call("GET", "/api/v1/namespaces/default/serviceaccounts/default"), "the controllers");
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, call, stop };
}

async function until(attempt: () => Promise<unknown>, what: string): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > end) throw new Error(`${what} did not become ready: ${error}`);
      await sleep(200);
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
