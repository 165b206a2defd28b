/** `npm run report`: the newest report of a comparison, fetched from the object store and opened. See `--help`. */
import { join } from "node:path";
import { connect, fileOf } from "./pipelines/kubeconfig.ts";
import { processTerminal } from "./pipelines/terminal.ts";
import { openInBrowser } from "./report/browser.ts";
import { main } from "./report/main.ts";

// The reader may stop early: --json | head.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));

process.exitCode = await main(process.argv.slice(2), {
  directory: join(import.meta.dirname, ".."),
  terminal: processTerminal("text"),
  fileOf,
  connect,
  open: process.stdout.isTTY ? openInBrowser : undefined,
});
