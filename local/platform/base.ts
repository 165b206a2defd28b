import { join } from "node:path";
import { dnsAddress, standInNode } from "../node/configuration.ts";
import { clusterName, stateDirectory } from "../paths.ts";
import { goModuleSource } from "../toolchain/go.ts";
import { find, type Manifest, namespace, readManifests, restricted } from "./manifests.ts";

const corefile = `.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa {
        ttl 30
    }
    cache 30
}
`;

/** Cluster DNS (CoreDNS) at the address that the kubelet gives to pods. There is no outside server to forward to. */
export function dnsManifests(image: string): Manifest[] {
  const labels = { "k8s-app": "kube-dns" };
  const metadata = { namespace: "kube-system", name: "coredns", labels };
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: "system:coredns" } };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      ...role,
      kind: "ClusterRole",
      rules: [
        {
          apiGroups: [""],
          resources: ["endpoints", "services", "pods", "namespaces"],
          verbs: ["list", "watch"],
        },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      ...role,
      kind: "ClusterRoleBinding",
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
      subjects: [{ kind: "ServiceAccount", namespace: "kube-system", name: "coredns" }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: corefile } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: "coredns",
            // The namespaced sysctl lets an unprivileged user listen on port 53.
            securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "53" }] },
            containers: [
              {
                name: "coredns",
                image,
                args: ["-conf", "/etc/coredns/Corefile"],
                ports: [{ containerPort: 53, protocol: "UDP" }],
                readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1 },
                securityContext: restricted,
                resources: { requests: { cpu: "50m", memory: "50Mi" }, limits: { memory: "200Mi" } },
                volumeMounts: [{ name: "config", mountPath: "/etc/coredns" }],
              },
            ],
            volumes: [{ name: "config", configMap: { name: "coredns" } }],
          },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, name: "kube-dns" },
      spec: {
        clusterIP: dnsAddress,
        selector: labels,
        ports: [
          { name: "dns", port: 53, protocol: "UDP" },
          { name: "dns-tcp", port: 53, protocol: "TCP" },
        ],
      },
    },
  ];
}

/** RBAC of kube-router, a daemon of the node, which enforces network policies. */
export function networkPolicyManifests(): Manifest[] {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: "kube-router" } };
  const verbs = ["list", "get", "watch"];
  return [
    {
      ...role,
      kind: "ClusterRole",
      rules: [
        { apiGroups: [""], resources: ["namespaces", "pods", "services", "nodes", "endpoints"], verbs },
        { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
      ],
    },
    {
      ...role,
      kind: "ClusterRoleBinding",
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "kube-router" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "kube-router" }],
    },
  ];
}

/** The local-path provisioner from its own module, with its class as the default and its volumes in our state folder. */
export async function storageManifests(images: { provisioner: string; helper: string }): Promise<Manifest[]> {
  const source = await goModuleSource("cluster", "github.com/rancher/local-path-provisioner");
  const manifests = readManifests(join(source, "deploy/local-path-storage.yaml"));
  const deployment = find(manifests, "Deployment", "local-path-provisioner");
  const container = deployment.spec.template.spec.containers[0];
  container.image = images.provisioner;
  container.command = null;
  container.args = ["start", "--config", "/etc/config/config.json"];
  const configMap = find(manifests, "ConfigMap", "local-path-config");
  configMap.data["config.json"] = JSON.stringify({
    nodePathMap: [{ node: clusterName, paths: [join(stateDirectory, "volumes")] }],
  });
  configMap.data["helperPod.yaml"] = configMap.data["helperPod.yaml"].replace(
    "image: busybox",
    `image: ${images.helper}`,
  );
  find(manifests, "StorageClass", "local-path").metadata.annotations = {
    "storageclass.kubernetes.io/is-default-class": "true",
  };
  return manifests;
}

/**
 * Stand-ins for the two GPU machines of the serving architecture: Node objects without a machine. The real
 * scheduler places pods on them and the real quota counts their GPUs; nothing runs there.
 */
export function gpuNodeManifests(): { nodes: Manifest[]; statuses: { name: string; status: object }[] } {
  const node = (name: string, instanceType: string): Manifest => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        [standInNode.label]: standInNode.value,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": instanceType,
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": "NVIDIA-L4",
      },
    },
    // As GPU nodes usually are, to keep off pods that do not tolerate the taint.
    spec: { taints: [{ key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" }] },
  });
  const status = (name: string, cpu: string, memory: string, gpus: string) => {
    const capacity = { cpu, memory, "ephemeral-storage": "200Gi", pods: "110", "nvidia.com/gpu": gpus };
    return { name, status: { capacity, allocatable: capacity } };
  };
  return {
    nodes: [node("g6-4xlarge", "g6.4xlarge"), node("g6-12xlarge", "g6.12xlarge")],
    // vCPU and memory of the two instance types: 16/64 GiB with one L4, 48/192 GiB with four.
    statuses: [status("g6-4xlarge", "16", "64Gi", "1"), status("g6-12xlarge", "48", "192Gi", "4")],
  };
}

export const baseNamespaces = (): Manifest[] => [namespace("hugging-face"), namespace("oci-registry")];
