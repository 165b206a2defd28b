import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clusterName, stateDirectory } from "../paths.ts";
import { run } from "../run.ts";
import { debianEnvironment, debianProgram } from "../toolchain/debian.ts";
import { nodeAddress } from "./sandbox.ts";

export const certificatesDirectory = join(stateDirectory, "pki");

/** The path of a certificate or key that `createCertificates` makes: `ca`, `apiserver`, `admin`, … */
export const certificateFile = (name: string): string => join(certificatesDirectory, `${name}.crt`);
export const keyFile = (name: string): string => join(certificatesDirectory, `${name}.key`);

/** First address of the Service range: the `kubernetes` Service. */
export const kubernetesServiceAddress = "10.96.0.1";

const days = "3650";

async function openssl(...args: string[]): Promise<void> {
  await run(debianProgram("usr/bin/openssl"), args, {
    cwd: certificatesDirectory,
    env: { ...debianEnvironment(), OPENSSL_CONF: "/dev/null" },
  });
}

/** Makes a certificate authority `name` unless there is one. */
export async function createAuthority(name: string, commonName: string): Promise<void> {
  if (existsSync(certificateFile(name))) return;
  await createKey(name);
  await openssl(
    "req",
    "-x509",
    "-new",
    "-key",
    `${name}.key`,
    "-days",
    days,
    "-subj",
    `/CN=${commonName}`,
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    "-addext",
    "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
    "-out",
    `${name}.crt`,
  );
}

/** Makes a key and a certificate for it, signed by `authority`, unless there is one. */
export async function createCertificate(
  name: string,
  { authority, subject, names = [] }: { authority: string; subject: string; names?: readonly string[] },
): Promise<void> {
  if (existsSync(certificateFile(name))) return;
  await createKey(name);
  const extensions = [
    "basicConstraints=CA:FALSE",
    "keyUsage=critical,digitalSignature,keyEncipherment",
    `extendedKeyUsage=${names.length > 0 ? "serverAuth,clientAuth" : "clientAuth"}`,
    ...(names.length > 0 ? [`subjectAltName=${names.join(",")}`] : []),
  ];
  writeFileSync(join(certificatesDirectory, `${name}.ext`), `${extensions.join("\n")}\n`);
  await openssl("req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
  await openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    `${authority}.crt`,
    "-CAkey",
    `${authority}.key`,
    "-CAcreateserial",
    "-days",
    days,
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.crt`,
  );
}

async function createKey(name: string): Promise<void> {
  mkdirSync(certificatesDirectory, { recursive: true, mode: 0o700 });
  await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", `${name}.key`);
}

/** Makes the cluster's authority and the certificates of its components. */
export async function createCertificates(): Promise<void> {
  await createAuthority("ca", clusterName);
  await createCertificate("apiserver", {
    authority: "ca",
    subject: "/CN=kube-apiserver",
    names: [
      ...[
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
      ].map((name) => `DNS:${name}`),
      ...[kubernetesServiceAddress, nodeAddress, "127.0.0.1"].map((address) => `IP:${address}`),
    ],
  });
  const client = (name: string, subject: string) => createCertificate(name, { authority: "ca", subject });
  await client("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client");
  await client("admin", "/O=system:masters/CN=admin");
  await client("controller-manager", "/CN=system:kube-controller-manager");
  await client("scheduler", "/CN=system:kube-scheduler");
  await client("kube-proxy", "/CN=system:kube-proxy");
  await client("kube-router", "/CN=kube-router");
  await client("gpu-nodes", "/O=system:masters/CN=gpu-nodes");
  await createCertificate("kubelet", {
    authority: "ca",
    subject: `/O=system:nodes/CN=system:node:${clusterName}`,
    names: [`DNS:${clusterName}`, `IP:${nodeAddress}`],
  });
  if (!existsSync(keyFile("service-account"))) {
    await createKey("service-account");
    await openssl("pkey", "-in", "service-account.key", "-pubout", "-out", "service-account.crt");
  }
}

/** A kubeconfig (JSON, which is YAML) with embedded certificates for the client `name`. */
export function kubeconfig(name: string, server: string): string {
  const data = (file: string) => readFileSync(file).toString("base64");
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": clusterName,
    clusters: [
      { name: clusterName, cluster: { server, "certificate-authority-data": data(certificateFile("ca")) } },
    ],
    users: [
      {
        name,
        user: {
          "client-certificate-data": data(certificateFile(name)),
          "client-key-data": data(keyFile(name)),
        },
      },
    ],
    contexts: [{ name: clusterName, context: { cluster: clusterName, user: name } }],
  });
}
