/** Addresses of the cluster, and the configuration files of its daemons. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { cacheDirectory, clusterName, stateDirectory } from "../paths.ts";
import { debianProgram } from "../toolchain/debian.ts";
import { certificateFile, keyFile } from "./certificates.ts";
import { dnsAddress, nodeAddress } from "./sandbox.ts";

export { dnsAddress } from "./sandbox.ts";

/** The label of Node objects that stand in for machines with GPUs. */
export const standInNode = { label: "modelcar.local/stand-in", value: "true" };

export const podNetwork = "10.244.0.0/24";
export const apiServerUrl = `https://${nodeAddress}:6443`;

/** Images and their unpacked layers live beside the tools, so that `delete` does not cost another import. */
const containerdRoot = join(cacheDirectory, "containerd");
export const containerdSocket = "/run/containerd/containerd.sock";

const configurationDirectory = join(stateDirectory, "configuration");
export const configurationFile = (name: string) => join(configurationDirectory, name);

/** Writes a daemon's configuration unless it is there already, and returns its path. */
export function writeConfiguration(name: string, text: string): string {
  mkdirSync(configurationDirectory, { recursive: true, mode: 0o700 });
  const file = configurationFile(name);
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** Names of the cluster's own registry, which has no TLS. */
const plainRegistries = ["registry.oci-registry:5000", "registry.oci-registry.svc.cluster.local:5000"];

/** Writes containerd's registry configuration and returns its folder. */
function registryConfiguration(): string {
  for (const registry of plainRegistries) {
    mkdirSync(configurationFile(join("registries", registry)), { recursive: true });
    writeConfiguration(
      join("registries", registry, "hosts.toml"),
      `server = "http://${registry}"\n[host."http://${registry}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
  }
  return configurationFile("registries");
}

/** containerd for the kubelet; `pauseImage` is every pod's process 1. */
export const containerdConfiguration = (pauseImage: string) => `version = 2
root = "${containerdRoot}"
state = "/run/containerd"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # A root without CAP_SYS_RESOURCE may not lower an OOM score.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${debianProgram("usr/lib/cni")}"
    conf_dir = "${configurationFile("cni")}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registryConfiguration()}"
`;

/** The pods' network: a bridge on the node and addresses of its range. */
export const cniConfiguration = () =>
  JSON.stringify({
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "pods0",
        isGateway: true,
        hairpinMode: true,
        ipMasq: false,
        ipam: { type: "host-local", ranges: [[{ subnet: podNetwork }]], routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  });

/** The configuration of the kubelet, on a node whose images are imported and whose disk is the user's. */
export const kubeletConfiguration = () =>
  stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificateFile("ca") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: certificateFile("kubelet"),
    tlsPrivateKeyFile: keyFile("kubelet"),
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${clusterName}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDomain: "cluster.local",
    clusterDNS: [dnsAddress],
    resolvConf: writeConfiguration("resolv.conf", "# The cluster has no outside.\n"),
    // The disk is the user's: the preflight checks its free space, the kubelet evicts only when almost none is left.
    evictionHard: { "memory.available": "200Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    // Images are imported and cannot be pulled again, so none may be garbage-collected.
    imageMinimumGCAge: "87600h",
    imageMaximumGCAge: "0s",
    serializeImagePulls: false,
    registryPullQPS: 0,
    eventRecordQPS: 50,
    nodeStatusUpdateFrequency: "10s",
    shutdownGracePeriod: "0s",
  });
