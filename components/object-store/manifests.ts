/** MinIO as one Deployment with one volume, and the Job that creates its bucket and its users. */

import { digestOf } from "@modelcar/kubernetes/digest";
import { minio, minioUrl } from "../../rules/addresses.ts";
import { type Platform, restrictedContainer, restrictedPod } from "../../rules/security.ts";
import { inNamespace, type NetworkPolicy, openShiftRouters, type Port } from "../access/network-peers.ts";
import { singleReplica } from "../shared/single-replica.ts";

const name = minio.service;
const ports = { s3: minio.port, console: 9001 };
const labels = { "app.kubernetes.io/name": name };

/** Secrets in MinIO's namespace: the administrator's login, and the passwords of its users. */
export const minioSecrets = { root: "minio-root", users: "minio-users" } as const;
export const rootKeys = ["MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"] as const;
export const userKeys = ["PIPELINE_PASSWORD", "SERVING_PASSWORD"] as const;
/** Users of MinIO by purpose; create_bucket.py defines their policies. */
export const minioUsers = { pipeline: "modelcar-pipeline", serving: "modelcar-serving" } as const;

export interface ObjectStoreSpec<Text> {
  readonly platform: Platform;
  readonly namespace: string;
  readonly image: string;
  readonly region: string;
  /** MinIO's web console. */
  readonly console: boolean;
  /** Changes with the administrator's credentials, which MinIO reads when it starts. */
  readonly rootFingerprint: Text;
}

const env = (secret: string, keys: readonly string[]) =>
  keys.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name: secret, key } } }));

export function service(namespace: string, console: boolean) {
  const open: (keyof typeof ports)[] = console ? ["s3", "console"] : ["s3"];
  return {
    metadata: { name, namespace, labels },
    spec: {
      selector: labels,
      ports: open.map((port) => ({ name: port, port: ports[port], targetPort: port })),
    },
  };
}

/** Exposes the console outside OpenShift. The S3 API stays inside the cluster, where all its clients are. */
export function consoleRoute(namespace: string) {
  return {
    apiVersion: "route.openshift.io/v1",
    kind: "Route",
    metadata: { name: minio.console, namespace, labels },
    spec: {
      to: { kind: "Service", name },
      port: { targetPort: "console" },
      tls: { termination: "edge", insecureEdgeTerminationPolicy: "Redirect" },
    },
  };
}

/** Admits pods of the client namespaces, the bucket Job and the console's users; allows only the egress that the Job needs. */
export function networkPolicy(
  namespace: string,
  clients: readonly string[],
  console: boolean,
): NetworkPolicy {
  const beside = { podSelector: {} };
  const port = (number: number): Port[] => [{ protocol: "TCP", port: number }];
  const dns = [53, 5353].flatMap((port): Port[] => [
    { protocol: "UDP", port },
    { protocol: "TCP", port },
  ]);
  return {
    metadata: { name, namespace },
    spec: {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { from: [beside, ...clients.map(inNamespace)], ports: port(ports.s3) },
        ...(console ? [{ from: openShiftRouters, ports: port(ports.console) }] : []),
      ],
      // OpenShift's DNS listens on 5353.
      egress: [{ to: [beside], ports: port(ports.s3) }, { ports: dns }],
    },
  };
}

export function deployment<Text>(spec: ObjectStoreSpec<Text>) {
  const probe = (path: string) => ({
    httpGet: { path: `/minio/health/${path}`, port: "s3" },
    periodSeconds: 10,
  });
  return singleReplica({
    metadata: { name, namespace: spec.namespace, labels },
    labels,
    annotations: { "modelcar/root-fingerprint": spec.rootFingerprint },
    pod: {
      securityContext: restrictedPod(spec.platform),
      containers: [
        {
          name,
          image: spec.image,
          args: [
            "server",
            "/data",
            "--address",
            `:${ports.s3}`,
            ...(spec.console ? ["--console-address", `:${ports.console}`] : []),
          ],
          env: [
            { name: "HOME", value: "/tmp" },
            { name: "MINIO_SITE_REGION", value: spec.region },
            { name: "MINIO_BROWSER", value: spec.console ? "on" : "off" },
            { name: "MINIO_UPDATE", value: "off" },
            ...env(minioSecrets.root, rootKeys),
          ],
          ports: [
            { name: "s3", containerPort: ports.s3 },
            ...(spec.console ? [{ name: "console", containerPort: ports.console }] : []),
          ],
          startupProbe: { ...probe("live"), periodSeconds: 2, failureThreshold: 60 },
          livenessProbe: probe("live"),
          readinessProbe: { ...probe("ready"), periodSeconds: 5 },
          resources: { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: "1Gi" } },
          securityContext: { ...restrictedContainer, readOnlyRootFilesystem: true },
          volumeMounts: [
            { name: "data", mountPath: "/data" },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
      ],
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: name } },
        { name: "tmp", emptyDir: {} },
      ],
    },
  });
}

export interface BucketJobSpec<Text> {
  readonly platform: Platform;
  readonly namespace: string;
  /** An image with Python and the MinIO client library. */
  readonly image: string;
  readonly bucket: string;
  readonly region: string;
  /** Text of the script. */
  readonly script: string;
  /** Changes with the passwords that the Job sets. A Job is immutable, so a change replaces it. */
  readonly usersFingerprint: Text;
}

/** The ConfigMap with the script and the Job that runs it, named by content. */
export function bucketJob<Text>({ usersFingerprint, ...spec }: BucketJobSpec<Text>) {
  const jobName = `create-bucket-${digestOf(spec).slice(0, 8)}`;
  const metadata = { name: jobName, namespace: spec.namespace, labels };
  return {
    configMap: { metadata, data: { "create_bucket.py": spec.script } },
    job: {
      metadata,
      spec: {
        backoffLimit: 5,
        template: {
          metadata: { annotations: { "modelcar/users-fingerprint": usersFingerprint } },
          spec: {
            restartPolicy: "OnFailure",
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: restrictedPod(spec.platform),
            containers: [
              {
                name: "create-bucket",
                image: spec.image,
                command: ["python3", "/scripts/create_bucket.py"],
                env: [
                  { name: "S3_ENDPOINT", value: minioUrl(spec.namespace) },
                  { name: "S3_REGION", value: spec.region },
                  { name: "S3_BUCKET", value: spec.bucket },
                  { name: "PIPELINE_USER", value: minioUsers.pipeline },
                  { name: "SERVING_USER", value: minioUsers.serving },
                  ...env(minioSecrets.root, rootKeys),
                  ...env(minioSecrets.users, userKeys),
                ],
                resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "256Mi" } },
                securityContext: { ...restrictedContainer, readOnlyRootFilesystem: true },
                volumeMounts: [{ name: "scripts", mountPath: "/scripts" }],
              },
            ],
            volumes: [{ name: "scripts", configMap: { name: jobName } }],
          },
        },
      },
    },
  };
}
