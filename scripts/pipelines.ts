/** `npm run pipelines -- <command>`: runs of a stack's pipelines outside Pulumi. `--help` lists the commands. */
import { join } from "node:path";
import { interrupt } from "@modelcar/kubernetes/interruption";
import { connect, fileOf } from "./pipelines/kubeconfig.ts";
import { main } from "./pipelines/main.ts";
import { processTerminal } from "./pipelines/terminal.ts";

// The first signal stops the wait cleanly, the second ends the process.
process.once("SIGINT", interrupt);
process.once("SIGTERM", interrupt);
// The reader may stop early: list | head.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));

process.exitCode = await main(process.argv.slice(2), {
  directory: join(import.meta.dirname, ".."),
  terminal: processTerminal,
  fileOf,
  connect,
});
