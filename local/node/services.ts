/** The node's daemons, each supervised by runit inside the sandbox: one that dies is restarted within a second. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clusterName, stateDirectory } from "../paths.ts";
import { waitUntil } from "../run.ts";
import { debianProgram } from "../toolchain/debian.ts";
import { goProgram } from "../toolchain/go.ts";
import { certificateFile, certificatesDirectory, keyFile, kubeconfig } from "./certificates.ts";
import {
  apiServerUrl,
  cniConfiguration,
  configurationFile,
  containerdConfiguration,
  kubeletConfiguration,
  podNetwork,
  standInNode,
  writeConfiguration,
} from "./configuration.ts";
import { logsDirectory, nodeAddress, runInSandbox, serviceNetwork, servicesDirectory } from "./sandbox.ts";

/** Names of the daemons, as in `logs NAME`. */
export const serviceNames = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "containerd",
  "kubelet",
  "kube-proxy",
  "kube-router",
  "gpu-nodes",
] as const;
export type ServiceName = (typeof serviceNames)[number];

const clientConfiguration = (name: string) =>
  writeConfiguration(`${name}.kubeconfig`, kubeconfig(name, apiServerUrl));

/** The command line of each daemon. */
function commands(pauseImage: string): Record<ServiceName, readonly string[]> {
  mkdirSync(configurationFile("cni"), { recursive: true });
  writeConfiguration("cni/10-pods.conflist", cniConfiguration());
  const kubernetes = (command: string) => goProgram("kubernetes", command);
  const flag = (name: string, value: string | number | boolean) => `--${name}=${value}`;
  return {
    etcd: [
      goProgram("etcd"),
      flag("name", clusterName),
      flag("data-dir", join(stateDirectory, "etcd")),
      // Only the sandbox's own loopback reaches it.
      flag("listen-client-urls", "http://127.0.0.1:2379"),
      flag("advertise-client-urls", "http://127.0.0.1:2379"),
      flag("listen-peer-urls", "http://127.0.0.1:2380"),
      flag("initial-cluster", `${clusterName}=http://127.0.0.1:2380`),
      flag("initial-advertise-peer-urls", "http://127.0.0.1:2380"),
      flag("log-level", "warn"),
      // Survives every kill, not a power cut; slow disks would otherwise cost controllers their leases.
      "--unsafe-no-fsync",
    ],
    "kube-apiserver": [
      kubernetes("kube-apiserver"),
      flag("advertise-address", nodeAddress),
      flag("etcd-servers", "http://127.0.0.1:2379"),
      flag("service-cluster-ip-range", serviceNetwork),
      flag("authorization-mode", "Node,RBAC"),
      flag("enable-admission-plugins", "NodeRestriction"),
      flag("client-ca-file", certificateFile("ca")),
      flag("tls-cert-file", certificateFile("apiserver")),
      flag("tls-private-key-file", keyFile("apiserver")),
      flag("kubelet-certificate-authority", certificateFile("ca")),
      flag("kubelet-client-certificate", certificateFile("apiserver-kubelet-client")),
      flag("kubelet-client-key", keyFile("apiserver-kubelet-client")),
      flag("kubelet-preferred-address-types", "InternalIP"),
      flag("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
      flag("service-account-key-file", certificateFile("service-account")),
      flag("service-account-signing-key-file", keyFile("service-account")),
    ],
    "kube-controller-manager": [
      kubernetes("kube-controller-manager"),
      flag("kubeconfig", clientConfiguration("controller-manager")),
      flag("use-service-account-credentials", true),
      flag("service-account-private-key-file", keyFile("service-account")),
      flag("root-ca-file", certificateFile("ca")),
      flag("cluster-signing-cert-file", certificateFile("ca")),
      flag("cluster-signing-key-file", keyFile("ca")),
      flag("leader-elect", false),
    ],
    "kube-scheduler": [
      kubernetes("kube-scheduler"),
      flag("kubeconfig", clientConfiguration("scheduler")),
      flag("leader-elect", false),
    ],
    containerd: [
      debianProgram("usr/bin/containerd"),
      flag("config", writeConfiguration("containerd.toml", containerdConfiguration(pauseImage))),
    ],
    kubelet: [
      kubernetes("kubelet"),
      flag("config", writeConfiguration("kubelet.yaml", kubeletConfiguration())),
      flag("kubeconfig", clientConfiguration("kubelet")),
      flag("hostname-override", clusterName),
      flag("node-ip", nodeAddress),
    ],
    "kube-proxy": [
      kubernetes("kube-proxy"),
      flag("kubeconfig", clientConfiguration("kube-proxy")),
      flag("hostname-override", clusterName),
      flag("cluster-cidr", podNetwork),
      // kube-router rewrites the same table as a whole; kube-proxy restores rules lost that way after this time.
      flag("iptables-sync-period", "5s"),
      // The sandbox may not write these kernel settings.
      flag("conntrack-max-per-core", 0),
      flag("conntrack-min", 0),
      flag("conntrack-tcp-timeout-established", "0s"),
      flag("conntrack-tcp-timeout-close-wait", "0s"),
    ],
    // Network policies only: the CNI plugins set up the pods' network, kube-proxy handles Services.
    "kube-router": [
      goProgram("kube-router"),
      flag("kubeconfig", clientConfiguration("kube-router")),
      flag("hostname-override", clusterName),
      flag("run-firewall", true),
      flag("run-router", false),
      flag("run-service-proxy", false),
      flag("service-cluster-ip-range", serviceNetwork),
      flag("health-port", 0),
      // On a new cluster its RBAC is applied after its first start; until then it exits and is restarted.
      flag("cache-sync-timeout", "5s"),
    ],
    "gpu-nodes": [
      goProgram("gpu-nodes"),
      flag("kubeconfig", clientConfiguration("gpu-nodes")),
      flag("node-selector", `${standInNode.label}=${standInNode.value}`),
    ],
  };
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * Writes daemons' service folders; runit starts new ones within five seconds. Restarts those whose command changed.
 * @param pauseImage the pods' process 1, which is imported before the first pod starts.
 */
export async function writeServices(names: readonly ServiceName[], pauseImage: string): Promise<void> {
  const all = commands(pauseImage);
  for (const name of names) {
    const folder = join(servicesDirectory, name);
    const logs = join(logsDirectory, name);
    mkdirSync(join(folder, "log"), { recursive: true });
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(logs, "config"), "s10000000\nn3\n");
    const logger = `#!/bin/sh\nexec ${debianProgram("usr/bin/svlogd")} -tt ${quoted(logs)}\n`;
    writeExecutable(join(folder, "log", "run"), logger);
    const supervised = existsSync(join(folder, "supervise"));
    const changed = writeExecutable(
      join(folder, "run"),
      `#!/bin/sh\nexec 2>&1\nexec ${all[name].map(quoted).join(" ")}\n`,
    );
    if (changed && supervised)
      await runInSandbox(debianProgram("usr/bin/sv"), ["-w", "20", "force-restart", folder]);
  }
}

/** Returns whether the file changed. */
function writeExecutable(file: string, text: string): boolean {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return true;
}

/** Runs kubectl of the pinned release as admin, inside the sandbox. */
export function kubectl(args: readonly string[], input?: string): Promise<string> {
  const file = join(certificatesDirectory, "admin.kubeconfig");
  writeFileSync(file, kubeconfig("admin", apiServerUrl), { mode: 0o600 });
  return runInSandbox(
    goProgram("kubernetes", "kubectl"),
    [`--kubeconfig=${file}`, ...args],
    input === undefined ? {} : { input },
  );
}

/** Waits until the API server answers and the node is Ready. */
export async function waitForNode(): Promise<void> {
  await waitUntil(
    "the API server",
    async () => (await kubectl(["get", "--raw", "/readyz"])) === "ok" || undefined,
    {
      seconds: 180,
      everyMs: 500,
    },
  );
  await waitUntil(
    `node ${clusterName} to be Ready (logs: ${join(logsDirectory, "kubelet/current")})`,
    async () => {
      const status = await kubectl([
        "get",
        "node",
        clusterName,
        "-o",
        "jsonpath={.status.conditions[?(@.type=='Ready')].status}",
      ]);
      return status === "True" || undefined;
    },
    { seconds: 180, everyMs: 500 },
  );
}
