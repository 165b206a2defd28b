/**
 * The sandbox that the node lives in: its own network, mount, PID, IPC and UTS namespaces, held by
 * one process 1. Killing that process ends every process, mount and interface of the cluster at once, so neither
 * `stop` nor a crash leaves anything behind but files under the state folder.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheDirectory, clusterName, stateDirectory } from "../paths.ts";
import { type RunOptions, run, waitUntil } from "../run.ts";
import { debianEnvironment, debianProgram } from "../toolchain/debian.ts";
import { isRunning, killProcess, type ProcessRecord, processRecord } from "./processes.ts";

/** The node's address on its own network; the API server and the node's services listen there. */
export const nodeAddress = "10.240.0.1";

/** Addresses of the cluster's Services. */
export const serviceNetwork = "10.96.0.0/16";
/** The cluster's DNS Service. */
export const dnsAddress = "10.96.0.10";

export const servicesDirectory = join(stateDirectory, "services");
export const logsDirectory = join(stateDirectory, "logs");
const varDirectory = join(stateDirectory, "var");
const recordFile = join(stateDirectory, "sandbox.json");
/** All checkouts share the node's image store, so one platform runs at a time; this file records which. */
const machineRecordFile = join(cacheDirectory, "running.json");

/** What process 1 does before it supervises the services. Everything here ends with the sandbox. */
const init = () => `set -e
busybox=${debianProgram("bin/busybox")}
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
mount --bind ${varDirectory} /var
# containerd pulls from registries by the names that their Services have.
printf 'nameserver ${dnsAddress}\nsearch svc.cluster.local\n' > /run/resolv.conf
if [ -e /etc/resolv.conf ]; then mount --bind /run/resolv.conf /etc/resolv.conf; fi
mount --make-rshared /
hostname ${clusterName}
$busybox ip link set lo up
$busybox ip link add name node0 type bridge
$busybox ip addr add ${nodeAddress}/24 dev node0
$busybox ip link set node0 up
# The node's own requests to Services must find a route before kube-proxy's rules send them to pods.
$busybox ip route add ${serviceNetwork} dev node0
# Look-ups of outside names fail at once instead of timing out; kube-proxy needs a default route.
$busybox ip route add unreachable default
echo 1 > /proc/sys/net/ipv4/ip_forward
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables; fi
exec ${debianProgram("usr/bin/tini-static")} -- ${debianProgram("usr/bin/runsvdir")} -P ${servicesDirectory}
`;

function record(): ProcessRecord | undefined {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, "utf8")) as ProcessRecord) : undefined;
}

/** The host's process id of the sandbox's process 1; undefined if the sandbox is not running. */
export function sandboxProcess(): number | undefined {
  const known = record();
  return known && isRunning(known) ? known.pid : undefined;
}

/** Starts the sandbox unless it is running. Returns whether it started it. */
export async function startSandbox(): Promise<boolean> {
  if (await isUsable()) return false;
  refuseSecondPlatform();
  removeControlGroups();
  for (const folder of [
    servicesDirectory,
    logsDirectory,
    join(varDirectory, "lib"),
    join(varDirectory, "log"),
    join(varDirectory, "tmp"),
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  if (!existsSync(join(varDirectory, "run"))) symlinkSync("/run", join(varDirectory, "run"));
  createControlGroups();
  const log = openSync(join(logsDirectory, "sandbox.log"), "a");
  const unshare = spawn(
    "unshare",
    [
      "--net",
      "--mount",
      "--pid",
      "--ipc",
      "--uts",
      "--fork",
      "--mount-proc",
      "--kill-child=KILL",
      "sh",
      "-c",
      init(),
    ],
    { detached: true, stdio: ["ignore", log, log], env: debianEnvironment(), cwd: "/" },
  );
  unshare.unref();
  const pid = await waitUntil(
    `the node's sandbox (see ${join(logsDirectory, "sandbox.log")})`,
    async () => {
      if (unshare.exitCode !== null) throw new Error("it ended at once");
      const children = readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, "utf8").trim();
      const name = children && readFileSync(`/proc/${children}/comm`, "utf8").trim();
      return name === "tini-static" ? Number(children) : undefined;
    },
    { seconds: 15, everyMs: 50 },
  );
  const started = processRecord(pid);
  writeFileSync(recordFile, JSON.stringify(started));
  writeFileSync(machineRecordFile, JSON.stringify({ ...started, stateDirectory }));
  return true;
}

/** Whether the sandbox runs and processes can enter it. Waits until a killed one is gone. */
async function isUsable(): Promise<boolean> {
  const known = record();
  if (!known || !isRunning(known)) return false;
  const usable = await runInSandbox("true", []).then(
    () => true,
    () => false,
  );
  if (!usable) await killProcess(known);
  return usable;
}

/** State folder of the platform that runs on this machine, if any. */
function runningPlatform(): string | undefined {
  if (!existsSync(machineRecordFile)) return undefined;
  const running = JSON.parse(readFileSync(machineRecordFile, "utf8")) as ProcessRecord & {
    stateDirectory: string;
  };
  return isRunning(running) ? running.stateDirectory : undefined;
}

/** @throws Error that names the checkout whose platform runs. */
function refuseSecondPlatform(): void {
  const other = runningPlatform();
  if (!other) return;
  throw new Error(
    `another embedded platform runs with the state in ${other}: run npm run stop in its checkout first`,
  );
}

/** Ends the sandbox and with it everything that runs in it. */
export async function stopSandbox(): Promise<void> {
  const known = record();
  if (known && isRunning(known)) await killProcess(known);
  rmSync(recordFile, { force: true });
  // The platforms of all checkouts use the same names.
  if (!runningPlatform()) removeControlGroups();
}

/** Runs a command inside the sandbox. */
export function runInSandbox(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const pid = sandboxProcess();
  if (pid === undefined) throw new Error("the embedded platform is not running: run npm start");
  const enter = [
    "--target",
    String(pid),
    "--net",
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--",
    command,
    ...args,
  ];
  return run("nsenter", enter, { ...options, env: debianEnvironment(options.env) });
}

/** The cluster's control group in each hierarchy: one with cgroup v2, one for each controller with v1. */
function controlGroups(): string[] {
  const root = "/sys/fs/cgroup";
  if (existsSync(join(root, "cgroup.controllers"))) return [join(root, clusterName)];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "cgroup.procs")))
    .map((entry) => join(root, entry.name, clusterName));
}

function createControlGroups(): void {
  for (const group of controlGroups()) {
    const hierarchy = join(group, "..");
    const controllers = join(hierarchy, "cgroup.controllers");
    const delegate = (folder: string) => {
      if (!existsSync(controllers)) return;
      const names = readFileSync(controllers, "utf8").trim().split(/\s+/).filter(Boolean);
      for (const name of names) writeFileSync(join(folder, "cgroup.subtree_control"), `+${name}`);
    };
    delegate(hierarchy);
    mkdirSync(group, { recursive: true });
    delegate(group);
  }
}

/** Removes the control groups, which are empty once the sandbox has ended. */
function removeControlGroups(): void {
  const removeTree = (folder: string) => {
    if (!existsSync(folder)) return;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(folder, entry.name));
    }
    rmdirSync(folder);
  };
  for (const group of controlGroups()) removeTree(group);
}
