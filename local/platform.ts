/** The embedded platform as a whole: start, stop, delete, status. */
import { rmSync } from "node:fs";
import type { Image } from "./images/image.ts";
import { containerfileImages, goImages, modelTaskImages, pause } from "./images/images.ts";
import { imageBuilt, imageReady, pauseImageName, provideImage } from "./images/node-store.ts";
import { unmountStore } from "./images/store.ts";
import { createCertificates } from "./node/certificates.ts";
import { containerdSocket } from "./node/configuration.ts";
import { gatewayRuns, startGateway, stopGateway } from "./node/loopback.ts";
import { runInSandbox, sandboxProcess, startSandbox, stopSandbox } from "./node/sandbox.ts";
import { kubectl, serviceNames, waitForNode, writeServices } from "./node/services.ts";
import { stateDirectory } from "./paths.ts";
import { installPlatform } from "./platform/install.ts";
import { pushModelcarBase } from "./platform/modelcar-base.ts";
import { checkMachine } from "./preflight.ts";
import { inSequence, Progress } from "./progress.ts";
import { waitUntil } from "./run.ts";
import { stackRunsModels } from "./stack-file.ts";
import { debianToolsReady, unpackDebianTools } from "./toolchain/debian.ts";
import { buildGoTool, goToolReady, goTools } from "./toolchain/go.ts";

/**
 * Brings the platform up: builds what isn't built, starts what doesn't run, waits until all of it works.
 * Running it again changes nothing; a part that was killed is started again.
 * @throws Error that says which step failed and where its log is.
 */
export async function startPlatform(progress = new Progress()): Promise<void> {
  checkMachine({
    tools: shareOf(goTools, ({ name }) => !goToolReady(name)),
    images: shareOf(containerfileImages, (image) => !imageBuilt(image)),
  });
  if (!debianToolsReady()) await progress.step({ name: "Debian packages", seconds: 15 }, unpackDebianTools);
  await createCertificates();
  if (await startSandbox()) progress.say("the node's sandbox is up");
  await writeServices(["containerd"], pauseImageName);
  await waitUntil("containerd", async () => (await runInSandbox("test", ["-S", containerdSocket])) === "", {
    seconds: 30,
  });
  // Compiling needs the cores; images need the network and the disk.
  const compiling = buildTools(progress);
  const images = stackRunsModels() ? [...containerfileImages, ...modelTaskImages] : containerfileImages;
  const imaging = provideImages(progress, "images", images);
  await firstFailure([compiling, imaging]);
  await installPlatform(progress);
  if (stackRunsModels()) await pushModelcarBase();
  await startGateway();
}

/** The chosen ones' share of the time that all take to build. */
function shareOf<Built extends { readonly seconds: number }>(
  all: readonly Built[],
  chosen: (one: Built) => boolean,
): number {
  const total = (some: readonly Built[]) => some.reduce((sum, { seconds }) => sum + seconds, 0);
  return total(all.filter(chosen)) / total(all);
}

/** Fails as soon as one does, like Promise.all, but leaves no rejection unhandled. */
async function firstFailure(work: readonly Promise<void>[]): Promise<void> {
  for (const each of work) each.catch(() => {});
  await Promise.all(work);
}

async function buildTools(progress: Progress): Promise<void> {
  const missing = goTools.filter(({ name }) => !goToolReady(name));
  const nodeTools = ["kubernetes", "etcd", "gpu-nodes", "kube-router"];
  let nodeStarted: Promise<void> | undefined;
  const startNodeWhenBuilt = () => {
    if (
      nodeStarted ||
      nodeTools.some((name) => missing.some((tool) => tool.name === name && !goToolReady(tool.name)))
    )
      return;
    nodeStarted = startNode(progress);
    nodeStarted.catch(() => {});
  };
  startNodeWhenBuilt();
  await inSequence(
    progress,
    "tools",
    missing.map((tool) => ({
      ...tool,
      work: async () => {
        await buildGoTool(tool.name);
        startNodeWhenBuilt();
      },
    })),
  );
  await nodeStarted;
  await provideImages(
    progress,
    "platform images",
    goTools.flatMap(({ name }) => goImages[name] ?? []),
  );
}

async function startNode(progress: Progress): Promise<void> {
  await waitUntil("the pause image", async () => (await imageReady(pause)) || undefined, {
    seconds: 600,
    everyMs: 1000,
  });
  await writeServices(serviceNames, pauseImageName);
  await waitForNode();
  progress.say("Kubernetes is up");
}

async function provideImages(progress: Progress, lane: string, images: readonly Image[]): Promise<void> {
  const missing: Image[] = [];
  // An image is rebuilt with its base, because the base's key is part of its own.
  for (const image of images) if (!(await imageReady(image))) missing.push(image);
  await inSequence(
    progress,
    lane,
    missing.map((image) => ({ name: image.name, seconds: image.seconds, work: () => provideImage(image) })),
  );
}

/** Ends every process of the platform; what it stored stays. Returns whether it ran. */
export async function stopPlatform(): Promise<boolean> {
  const ran = sandboxProcess() !== undefined;
  await stopGateway();
  await stopSandbox();
  await unmountStore();
  return ran;
}

/** Ends the platform and removes everything that this checkout's cluster stored. Built tools and images stay in the cache. */
export async function deletePlatform(): Promise<void> {
  await stopPlatform();
  rmSync(stateDirectory, { recursive: true, force: true });
}

/** One line for each part, saying whether it runs. */
export async function platformStatus(): Promise<{
  readonly running: boolean;
  readonly lines: readonly string[];
}> {
  const sandbox = sandboxProcess();
  if (sandbox === undefined)
    return { running: false, lines: ["the embedded platform is not running: npm start"] };
  const api = await kubectl(["get", "--raw", "/readyz"]).then(
    () => true,
    () => false,
  );
  const lines = [
    `sandbox    process ${sandbox}`,
    `gateway    ${gatewayRuns() ? "running" : "not running"}`,
    `Kubernetes ${api ? "ready" : "not ready"}`,
  ];
  if (!api) return { running: false, lines };
  const nodes = await kubectl(["get", "nodes"]);
  const pods = await kubectl(["get", "pods", "--all-namespaces"]);
  return {
    running: gatewayRuns(),
    lines: [...lines, "", ...nodes.trimEnd().split("\n"), "", ...pods.trimEnd().split("\n")],
  };
}
