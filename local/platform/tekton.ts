import { join } from "node:path";
import { goModuleSource, pinnedVersion } from "../toolchain/go.ts";
import { type Manifest, readManifests, replaceTexts } from "./manifests.ts";

const pipeline = "github.com/tektoncd/pipeline";
const command = (name: string) => `ko://${pipeline}/cmd/${name}`;

/** Images of shells that Tekton's controller requires as flags; this cluster never starts them. */
const shellImages = {
  linux: "cgr.dev/chainguard/busybox@sha256:19f02276bf8dbdd62f069b922f10c65262cc34b710eea26ff928129a736be791",
};

/**
 * Tekton Pipelines from the manifests of its own module: controller and webhook. Left out: remote resolvers and
 * cloud events, which no pipeline here uses.
 */
export async function tektonManifests(images: {
  readonly controller: string;
  readonly webhook: string;
  readonly entrypoint: string;
  readonly nop: string;
  readonly workingdirinit: string;
  readonly shell: string;
}): Promise<Manifest[]> {
  const config = join(await goModuleSource("tekton", pipeline), "config");
  const manifests = [
    ...readManifests(join(config, "100-namespace")),
    ...readManifests(join(config, "300-crds")),
    ...readManifests(config),
  ].filter(
    ({ kind, metadata }) =>
      kind !== "HorizontalPodAutoscaler" && metadata.name !== "tekton-events-controller",
  );
  const replaced = replaceTexts(manifests, {
    [command("controller")]: images.controller,
    [command("webhook")]: images.webhook,
    [command("entrypoint")]: images.entrypoint,
    [command("nop")]: images.nop,
    [command("workingdirinit")]: images.workingdirinit,
    [shellImages.linux]: images.shell,
    devel: pinnedVersion("tekton", pipeline),
  });
  return replaced.map((manifest) => {
    if (manifest.kind !== "ConfigMap" || manifest.metadata.name !== "feature-flags") return manifest;
    // Tekton's own init containers then satisfy the restricted Pod Security Standard.
    return { ...manifest, data: { ...manifest.data, "set-security-context": "true" } };
  });
}
