/** Pushes the base of modelcar images into the cluster's own registry, from which the task that packages models pulls it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tag } from "../images/image.ts";
import { modelcarBase } from "../images/images.ts";
import { provideTestImage } from "../images/node-store.ts";
import { buildahCommand, buildahEnvironment } from "../images/store.ts";
import { runInSandbox } from "../node/sandbox.ts";
import { contentKey, stateDirectory } from "../paths.ts";

const repository = "registry.oci-registry.svc.cluster.local:5000/modelcar/base";
/** Belongs to the cluster's state, as the registry's content does. */
const pushedFile = join(
  stateDirectory,
  `modelcar-base-${contentKey({ texts: [repository, modelcarBase.key] })}`,
);

/** Pushes the image, once for each cluster. */
export async function pushModelcarBase(): Promise<void> {
  if (existsSync(pushedFile)) return;
  await provideTestImage(modelcarBase);
  const digestFile = `${pushedFile}.digest`;
  const flags = ["--quiet", "--tls-verify=false", `--digestfile=${digestFile}`];
  const [command, args] = buildahCommand(
    "push",
    ...flags,
    tag(modelcarBase),
    `docker://${repository}:${modelcarBase.key}`,
  );
  // Only the node resolves the registry's name.
  await runInSandbox(command, args, { env: buildahEnvironment() });
  writeFileSync(pushedFile, `${repository}@${readFileSync(digestFile, "utf8").trim()}`);
  rmSync(digestFile);
}

/** The pushed image's reference by digest. */
export const modelcarBaseReference = (): string => readFileSync(pushedFile, "utf8");
