/** The Kubeflow model registry: one of OpenShift AI's operator or a plain Deployment, each on a database of its own. */

import { type RegistryAuthentication, registryPorts, serviceHost } from "../../rules/addresses.ts";
import { databaseName } from "../../rules/names.ts";
import { type Platform, restrictedContainer, restrictedPod } from "../../rules/security.ts";
import { roleBinding } from "../access/manifests.ts";
import { inNamespace, type NetworkPolicy, openShiftRouters } from "../access/network-peers.ts";
import { singleReplica } from "../shared/single-replica.ts";

const ports = { rest: registryPorts.none, proxy: registryPorts.serviceAccount, database: 3306 };
/** As the containers of a database call them; `database` and `user` are what the registry logs in with. */
const database = { database: "model_registry", user: "modelregistry" };
export const databaseKeys = ["MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD"] as const;

/** One registry by its name, as the operator and the dashboard see it. */
export interface RegistryName {
  readonly name: string;
  readonly namespace: string;
}

/** The labels that the operator gives its pods; ours are found by the same. */
const labelsOf = (name: string) => ({
  app: name,
  component: "model-registry",
  "app.kubernetes.io/name": name,
});
/** Gives an account of another namespace the operator's own Role for users of the registry. */
export function registryUser({ name, namespace }: RegistryName, account: string, accountNamespace: string) {
  const role = `registry-user-${name}`;
  const grant = { name: `${role}-${accountNamespace}`, accounts: [account] };
  return roleBinding(namespace, grant, { role, accountNamespace });
}

/**
 * Lets a namespace reach the registry. On OpenShift it says again whom the operator lets in, routers and the dashboard: an
 * operator that has no policy for a registry without proxy leaves it open to them, and ours alone would shut them out.
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

/** The database answers the registry and nobody else, and calls nobody. */
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
 * A registry that OpenShift AI's operator runs, behind kube-rbac-proxy. On MySQL, not on the operator's generated PostgreSQL:
 * that one goes with the registry, and the registry's queries for versions have names that PostgreSQL does not find.
 */
export function modelRegistry<Text>({ name, namespace }: RegistryName, databaseSecret: Text) {
  return {
    apiVersion: "modelregistry.opendatahub.io/v1beta1",
    kind: "ModelRegistry",
    metadata: { name, namespace, annotations: { "pulumi.com/waitFor": "condition=Available" } },
    spec: {
      rest: { port: ports.rest, serviceRoute: "disabled" },
      // No longer used, but the operator's CRD asks for it.
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
  /** Name of the Secret with the database's passwords; a new one makes a new pod. */
  readonly databaseSecret: Text;
}

/** The registry's server, without authentication: who may reach it is up to network policies. */
export function server<Text>({ platform, image, databaseSecret, ...registry }: ServerSpec<Text>) {
  const labels = labelsOf(registry.name);
  const probe = (path: string) => ({ httpGet: { path: `/readyz/${path}`, port: "http-api" } });
  const login = `${database.user}:$(MYSQL_PASSWORD)@tcp(${databaseHost(registry)}:${ports.database})`;
  // A new server may change the database's schema, which an old one would not know.
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
            // In a variable, not in an argument: arguments of processes can be seen.
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
 * MariaDB or MySQL, of any image that takes the usual MYSQL_ variables, as those of MariaDB, MySQL and Red Hat do. A changed
 * password is taken over by images that set it at every start; Red Hat's and the embedded platform's do.
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
      // The images of MariaDB and MySQL name root as their user, but run as any.
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
          // Images listen on the network only after they have set themselves up.
          startupProbe: { tcpSocket: { port: "mysql" }, periodSeconds: 2, failureThreshold: 90 },
          livenessProbe: { tcpSocket: { port: "mysql" }, periodSeconds: 10 },
          readinessProbe: { tcpSocket: { port: "mysql" }, periodSeconds: 5 },
          resources: { requests: { cpu: "50m", memory: "256Mi" }, limits: { memory: "512Mi" } },
          // Its file system can be written: where the images keep their settings differs.
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
