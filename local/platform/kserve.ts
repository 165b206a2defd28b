import { readFileSync } from "node:fs";
import { join } from "node:path";
import { certificateFile, createAuthority, createCertificate, keyFile } from "../node/certificates.ts";
import { run } from "../run.ts";
import { goModuleSource, goProgram } from "../toolchain/go.ts";
import { type Manifest, parseManifests, restricted } from "./manifests.ts";

/** Parts of KServe's default installation that need hardware or controllers this cluster doesn't have. */
const leftOut = /localmodel|llm|inferencemodels|inferencepools|inferencegraph|kserve-proxy/i;
const certManagerKinds = ["Certificate", "Issuer"];

/**
 * KServe's manager, CRDs and webhooks from its own module, in Standard deployment mode without ingress. The
 * webhook's certificate, which cert-manager would issue, is made here.
 */
export async function kserveManifests(images: {
  readonly manager: string;
  readonly storageInitializer: string;
}): Promise<Manifest[]> {
  const config = join(await goModuleSource("cluster", "github.com/kserve/kserve"), "config");
  const rendered = parseManifests(
    await run(goProgram("kubernetes", "kubectl"), ["kustomize", join(config, "overlays/standalone/kserve")]),
  );
  const manifests = rendered.filter(
    ({ kind, metadata }) =>
      !certManagerKinds.includes(kind) &&
      (kind === "CustomResourceDefinition" || !leftOut.test(metadata.name)),
  );
  await createAuthority("kserve-webhook-ca", "kserve-webhook-ca");
  const service = "kserve-webhook-server-service.kserve.svc";
  await createCertificate("kserve-webhook", {
    authority: "kserve-webhook-ca",
    subject: `/CN=${service}`,
    names: [`DNS:${service}`, `DNS:${service}.cluster.local`],
  });
  return [...manifests.map((manifest) => adapt(manifest, images)), webhookSecret()];
}

const base64 = (file: string) => readFileSync(file).toString("base64");

function webhookSecret(): Manifest {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { namespace: "kserve", name: "kserve-webhook-server-cert" },
    data: {
      "tls.crt": base64(certificateFile("kserve-webhook")),
      "tls.key": base64(keyFile("kserve-webhook")),
    },
  };
}

function adapt(manifest: Manifest, images: { manager: string; storageInitializer: string }): Manifest {
  switch (manifest.kind) {
    case "CustomResourceDefinition":
      return { ...manifest, spec: { ...manifest.spec, conversion: { strategy: "None" } } };
    case "MutatingWebhookConfiguration":
    case "ValidatingWebhookConfiguration":
      for (const webhook of manifest.webhooks)
        webhook.clientConfig.caBundle = base64(certificateFile("kserve-webhook-ca"));
      return manifest;
    case "Deployment":
      return adaptManager(manifest, images.manager);
    case "ConfigMap":
      return adaptConfiguration(manifest, images.storageInitializer);
    case "ClusterStorageContainer":
      return adaptStorageContainer(manifest, images.storageInitializer);
    default:
      return manifest;
  }
}

/** Keeps the manager only: its metrics proxy is an image of another project, and nothing here reads the metrics. */
function adaptManager(deployment: Manifest, image: string): Manifest {
  const pod = deployment.spec.template.spec;
  // biome-ignore lint/suspicious/noExplicitAny: a container of a third-party manifest.
  const manager = pod.containers.find((container: any) => container.name === "manager");
  manager.image = image;
  manager.imagePullPolicy = "IfNotPresent";
  manager.command = null;
  manager.securityContext.runAsUser = 65532;
  // Its default limit of 100m makes admission time out on a busy machine with two cores.
  manager.resources = { requests: { cpu: "100m", memory: "200Mi" }, limits: { memory: "500Mi" } };
  manager.readinessProbe.initialDelaySeconds = 1;
  pod.containers = [manager];
  return deployment;
}

function adaptConfiguration(configMap: Manifest, storageInitializer: string): Manifest {
  const change = (key: string, changes: object) => {
    configMap.data[key] = JSON.stringify({ ...JSON.parse(configMap.data[key]), ...changes });
  };
  change("deploy", { defaultDeploymentMode: "Standard" });
  change("ingress", { disableIngressCreation: true });
  change("storageInitializer", { image: storageInitializer });
  return configMap;
}

/**
 * Our storage initializer, which serves `s3://` and no other scheme. KServe's own has no security context, so a
 * restricted namespace would refuse its pods; OpenShift's security context constraints add one.
 */
function adaptStorageContainer(container: Manifest, image: string): Manifest {
  container.spec.container.image = image;
  container.spec.container.securityContext = restricted;
  container.spec.supportedUriFormats = [{ prefix: "s3://" }];
  return container;
}
