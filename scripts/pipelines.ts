/** `npm run pipelines -- <command>`: runs of a stack's pipelines outside Pulumi. `--help` tells the commands. */
import { join } from "node:path";
import { Cluster } from "../components/kubernetes/client.ts";
import { interrupt } from "../components/kubernetes/interruption.ts";
import { kubeconfigFile, stateDirectory } from "../local/paths.ts";
import { main } from "./pipelines/main.ts";
import { processTerminal } from "./pipelines/terminal.ts";

/** The embedded platform's stack: `npm start` keeps its whole configuration and its kubeconfig beside the cluster. */
const local = {
  stack: "local",
  file: join(stateDirectory, "pulumi", "Pulumi.local.yaml"),
  context: "modelcar-local",
};

// The first ends the waiting in good order, the second the process.
process.once("SIGINT", interrupt);
process.once("SIGTERM", interrupt);
// Whoever reads may stop reading: list | head.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));

process.exitCode = await main(process.argv.slice(2), {
  directory: join(import.meta.dirname, ".."),
  terminal: processTerminal,
  fileOf: (stack) => (stack === local.stack ? local.file : undefined),
  connect: (context) => {
    if (context === local.context) process.env.KUBECONFIG ??= kubeconfigFile;
    return Cluster.connect(context);
  },
});
