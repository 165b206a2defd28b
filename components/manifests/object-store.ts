/** MinIO as one Deployment on one volume, and the Job that makes its bucket. */
import { digestOf } from "../digest.ts";
import { type Platform, restrictedContainer, restrictedPod } from "./security.ts";

export const credentialsSecret = "minio-credentials";
const name = "minio";
const port = 9000;
const labels = { "app.kubernetes.io/name": name };

export interface ObjectStoreSpec {
  readonly platform: Platform;
  readonly namespace: string;
  readonly image: string;
  /** Size of the volume. */
  readonly storage: string;
}

/** host:port of the S3 API inside the cluster. */
export function s3Host(namespace: string): string {
  return `${name}.${namespace}.svc.cluster.local:${port}`;
}

/** The two variables that S3 clients read, from the Secret. */
export function credentialsEnv(accessKey = "AWS_ACCESS_KEY_ID", secretKey = "AWS_SECRET_ACCESS_KEY") {
  const from = (key: string) => ({ secretKeyRef: { name: credentialsSecret, key } });
  return [
    { name: accessKey, valueFrom: from("AWS_ACCESS_KEY_ID") },
    { name: secretKey, valueFrom: from("AWS_SECRET_ACCESS_KEY") },
  ];
}

export function service(namespace: string) {
  return {
    metadata: { name, namespace, labels },
    spec: { selector: labels, ports: [{ name: "s3", port, targetPort: "s3" }] },
  };
}

export function deployment(spec: ObjectStoreSpec) {
  const probe = (path: string) => ({
    httpGet: { path: `/minio/health/${path}`, port: "s3" },
    periodSeconds: 10,
  });
  return {
    metadata: { name, namespace: spec.namespace, labels },
    spec: {
      replicas: 1,
      // The volume can be mounted once, so the old pod must go first.
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          securityContext: restrictedPod(spec.platform),
          containers: [
            {
              name,
              image: spec.image,
              args: ["server", "/data", "--address", `:${port}`],
              env: [
                { name: "HOME", value: "/tmp" },
                { name: "MINIO_BROWSER", value: "off" },
                { name: "MINIO_UPDATE", value: "off" },
                ...credentialsEnv("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
              ],
              ports: [{ name: "s3", containerPort: port }],
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
      },
    },
  };
}

export interface BucketJobSpec {
  readonly platform: Platform;
  readonly namespace: string;
  /** An image with Python and the MinIO client library. */
  readonly image: string;
  readonly bucket: string;
  /** Text of the script; the Job's name changes with it. */
  readonly script: string;
}

/** The ConfigMap with the script and the Job that runs it, named by content, because a Job cannot be changed. */
export function bucketJob(spec: BucketJobSpec) {
  const jobName = `create-bucket-${digestOf(spec).slice(0, 8)}`;
  const metadata = { name: jobName, namespace: spec.namespace };
  return {
    configMap: { metadata, data: { "create_bucket.py": spec.script } },
    job: {
      metadata,
      spec: {
        backoffLimit: 5,
        template: {
          spec: {
            restartPolicy: "OnFailure",
            automountServiceAccountToken: false,
            securityContext: restrictedPod(spec.platform),
            containers: [
              {
                name: "create-bucket",
                image: spec.image,
                command: ["python3", "/scripts/create_bucket.py"],
                env: [
                  { name: "S3_ENDPOINT", value: `http://${s3Host(spec.namespace)}` },
                  { name: "S3_BUCKET", value: spec.bucket },
                  ...credentialsEnv(),
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
