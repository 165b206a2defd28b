/** The Kubeflow model registry: managed by OpenShift AI's operator or a plain Deployment, each with its own database. */

import { type RegistryAuthentication, registryPorts, serviceHost } from "../../rules/addresses.ts";
import { databaseName } from "../../rules/names.ts";
import { type Platform, restrictedContainer, restrictedPod } from "../../rules/security.ts";
import { roleBinding } from "../access/manifests.ts";
import { inNamespace, type NetworkPolicy, openShiftRouters } from "../access/network-peers.ts";
import { singleReplica } from "../shared/single-replica.ts";

const ports = { rest: registryPorts.none, proxy: registryPorts.serviceAccount, database: 3306 };
/** The database and the user with which the registry logs in. */
const database = { database: "model_registry", user: "modelregistry" };
export const databaseKeys = ["MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD"] as const;

/** A registry's name, as the operator and the dashboard show it. */
export interface RegistryName {
  readonly name: string;
  readonly namespace: string;
}

/** The labels that the operator sets on its pods; ours have the same. */
const labelsOf = (name: string) => ({
  app: name,
  component: "model-registry",
  "app.kubernetes.io/name": name,
});
/** Binds the operator's Role for users of the registry to an account in another namespace. */
export function registryUser({ name, namespace }: RegistryName, account: string, accountNamespace: string) {
  const role = `registry-user-${name}`;
  const grant = { name: `${role}-${accountNamespace}`, accounts: [account] };
  return roleBinding(namespace, grant, { role, accountNamespace });
}

/**
 * Lets a namespace reach the registry. On OpenShift it also admits the routers and the dashboard: for a registry without
 * proxy the operator creates no policy, and this one alone would shut them out.
 */
export function registryIngress(
  { name, namespace }: RegistryName,
  auth: RegistryAuthentication,
  platform: Platform,
  client: string,
): NetworkPolicy {
  const generated = { namespaceSelector: { matchLabels: { "opendatahub.io/generated-namespace": "true" } } };
  const operators = platform === "openshift" ? [...openShiftRouters, generated] : [];
  const from = [inNamespace(client), ...operators];
  return {
    metadata: { name: `${name}-from-${client}`, namespace },
    spec: {
      podSelector: { matchLabels: labelsOf(name) },
      policyTypes: ["Ingress"],
      ingress: [{ from, ports: [{ protocol: "TCP", port: registryPorts[auth] }] }],
    },
  };
}

/** Only the registry may connect to the database, which may connect to nothing. */
export function databaseIngress({ name, namespace }: RegistryName): NetworkPolicy {
  return {
    metadata: { name: databaseName(name), namespace },
    spec: {
      podSelector: { matchLabels: databaseLabels(name) },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: labelsOf(name) } }],
          ports: [{ protocol: "TCP", port: ports.database }],
        },
      ],
    },
  };
}

/**
 * A registry that OpenShift AI's operator runs, behind kube-rbac-proxy. It uses MySQL, not the PostgreSQL that the operator
 * can generate: that one is deleted with the registry, and the registry's queries for versions fail on PostgreSQL.
 */
export function modelRegistry<Text>({ name, namespace }: RegistryName, databaseSecret: Text) {
  return {
    apiVersion: "modelregistry.opendatahub.io/v1beta1",
    kind: "ModelRegistry",
    metadata: { name, namespace, annotations: { "pulumi.com/waitFor": "condition=Available" } },
    spec: {
      rest: { port: ports.rest, serviceRoute: "disabled" },
      // Unused, but the operator's CRD requires it.
      grpc: { port: 9090 },
      mysql: {
        host: databaseHost({ name, namespace }),
        port: ports.database,
        database: database.database,
        username: database.user,
        passwordSecret: { name: databaseSecret, key: "MYSQL_PASSWORD" },
      },
      kubeRBACProxy: { port: ports.proxy },
    },
  };
}

export function service({ name, namespace }: RegistryName) {
  const selector = labelsOf(name);
  const open = [{ name: "http-api", port: ports.rest, targetPort: "http-api" }];
  return { metadata: { name, namespace, labels: selector }, spec: { selector, ports: open } };
}

export interface ServerSpec<Text> extends RegistryName {
  readonly platform: Platform;
  readonly image: string;
  /** Name of the Secret with the database's passwords; a new name starts a rollout. */
  readonly databaseSecret: Text;
}

/** The registry's server, without authentication: network policies decide who may reach it. */
export function server<Text>({ platform, image, databaseSecret, ...registry }: ServerSpec<Text>) {
  const labels = labelsOf(registry.name);
  const probe = (path: string) => ({ httpGet: { path: `/readyz/${path}`, port: "http-api" } });
  const login = `${database.user}:$(MYSQL_PASSWORD)@tcp(${databaseHost(registry)}:${ports.database})`;
  // A new server may migrate the database's schema, which the old one would not understand.
  return singleReplica({
    metadata: { name: registry.name, namespace: registry.namespace, labels },
    labels,
    pod: {
      securityContext: restrictedPod(platform),
      containers: [
        {
          name: "rest-container",
          image,
          args: ["proxy", "--hostname=0.0.0.0", `--port=${ports.rest}`, "--embedmd-database-type=mysql"],
          env: [
            passwordFrom(databaseSecret, "MYSQL_PASSWORD"),
            // In a variable, not in an argument: the arguments of a process are visible.
            { name: "MR_EMBEDMD_DATABASE_DSN", value: `${login}/${database.database}?charset=utf8mb4` },
          ],
          ports: [{ name: "http-api", containerPort: ports.rest }],
          startupProbe: { ...probe("health"), periodSeconds: 2, failureThreshold: 90 },
          livenessProbe: { ...probe("isDirty"), periodSeconds: 10 },
          readinessProbe: { ...probe("health"), periodSeconds: 5 },
          resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "256Mi" } },
          securityContext: { ...restrictedContainer, readOnlyRootFilesystem: true },
        },
      ],
    },
  });
}

const databaseLabels = (name: string) => ({ "app.kubernetes.io/name": databaseName(name) });
const databaseHost = ({ name, namespace }: RegistryName) => serviceHost(databaseName(name), namespace);

const passwordFrom = <Text>(secret: Text, key: (typeof databaseKeys)[number]) => ({
  name: key,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

export function databaseService({ name, namespace }: RegistryName) {
  const selector = databaseLabels(name);
  const open = [{ name: "mysql", port: ports.database, targetPort: "mysql" }];
  return {
    metadata: { name: databaseName(name), namespace, labels: selector },
    spec: { selector, ports: open },
  };
}

/**
 * MariaDB or MySQL, from any image that reads the usual MYSQL_ variables, such as those of MariaDB, MySQL and Red Hat. A changed
 * password takes effect with images that set it at every start, as Red Hat's and the embedded platform's do.
 */
export function databaseServer<Text>({ platform, image, databaseSecret, ...registry }: ServerSpec<Text>) {
  const labels = databaseLabels(registry.name);
  const volumes = { data: "/var/lib/mysql", run: "/run/mysqld", tmp: "/tmp" };
  const claimName = databaseName(registry.name);
  const user = platform === "kubernetes" ? { runAsUser: 1000 } : {};
  return singleReplica({
    metadata: { name: databaseName(registry.name), namespace: registry.namespace, labels },
    labels,
    pod: {
      // The images of MariaDB and MySQL default to root, but run as any user.
      securityContext: { ...restrictedPod(platform), ...user },
      containers: [
        {
          name: "mariadb",
          image,
          env: [
            { name: "MYSQL_DATABASE", value: database.database },
            { name: "MYSQL_USER", value: database.user },
            // MariaDB's own image: its administrator logs in from inside the pod only.
            { name: "MARIADB_ROOT_HOST", value: "localhost" },
            ...databaseKeys.map((key) => passwordFrom(databaseSecret, key)),
          ],
          ports: [{ name: "mysql", containerPort: ports.database }],
          // The images listen on the network only after their initialization.
          startupProbe: { tcpSocket: { port: "mysql" }, periodSeconds: 2, failureThreshold: 90 },
          livenessProbe: { tcpSocket: { port: "mysql" }, periodSeconds: 10 },
          readinessProbe: { tcpSocket: { port: "mysql" }, periodSeconds: 5 },
          resources: { requests: { cpu: "50m", memory: "256Mi" }, limits: { memory: "512Mi" } },
          // Its root file system stays writable: the images write their settings to different directories.
          securityContext: restrictedContainer,
          volumeMounts: Object.entries(volumes).map(([name, mountPath]) => ({ name, mountPath })),
        },
      ],
      volumes: Object.keys(volumes).map((name) =>
        name === "data" ? { name, persistentVolumeClaim: { claimName } } : { name, emptyDir: {} },
      ),
    },
  });
}
