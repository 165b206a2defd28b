/** The gateway from the host's loopback into the sandbox: one process with sockets on both sides. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { apiPort, gatewayPort, kubeconfigFile, stateDirectory } from "../paths.ts";
import { kubeconfig } from "./certificates.ts";
import { dnsAddress } from "./configuration.ts";
import { isRunning, killProcess, type ProcessRecord, processRecord } from "./processes.ts";
import { logsDirectory, nodeAddress, sandboxProcess } from "./sandbox.ts";

/** The record of the gateway: its process, and the sandbox and ports that it serves. */
interface GatewayRecord {
  readonly gateway: ProcessRecord;
  readonly sandbox: number;
  readonly ports: readonly number[];
}

const recordFile = join(stateDirectory, "gateway.json");

function record(): GatewayRecord | undefined {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, "utf8")) as GatewayRecord) : undefined;
}

export const gatewayRuns = (): boolean => {
  const known = record();
  return known !== undefined && isRunning(known.gateway) && known.sandbox === sandboxProcess();
};

/** Starts the gateway for the running sandbox and writes the host's kubeconfig. */
export async function startGateway(): Promise<void> {
  const ports = [apiPort, gatewayPort];
  writeFileSync(kubeconfigFile, kubeconfig("admin", `https://127.0.0.1:${apiPort}`), { mode: 0o600 });
  if (gatewayRuns() && record()?.ports.join() === ports.join()) return;
  await stopGateway();
  const sandbox = sandboxProcess();
  if (sandbox === undefined) throw new Error("the gateway needs a running sandbox");
  const sockets = await Promise.all(ports.map(listen));
  mkdirSync(logsDirectory, { recursive: true });
  const log = openSync(join(logsDirectory, "gateway.log"), "a");
  const descriptors = sockets.map((socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd);
  const script = join(import.meta.dirname, "gateway.ts");
  const child = spawn(
    "nsenter",
    ["--target", String(sandbox), "--net", "--", process.execPath, script, dnsAddress, nodeAddress, "6443"],
    { detached: true, stdio: ["ignore", log, log, ...descriptors], cwd: "/" },
  );
  child.unref();
  for (const socket of sockets) socket.close();
  if (child.pid === undefined) throw new Error("the gateway did not start: is nsenter on PATH?");
  const known: GatewayRecord = { gateway: processRecord(child.pid), sandbox, ports };
  writeFileSync(recordFile, JSON.stringify(known));
}

export async function stopGateway(): Promise<void> {
  const known = record();
  if (known) await killProcess(known.gateway);
  rmSync(recordFile, { force: true });
}

/** @throws Error that names the variable to set if the port is taken. */
function listen(port: number): Promise<Server> {
  const variable = port === apiPort ? "MODELCAR_API_PORT" : "MODELCAR_GATEWAY_PORT";
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error) =>
      reject(
        new Error(`cannot listen on 127.0.0.1:${port} (${error.message}); set ${variable} to a free port`),
      ),
    );
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
