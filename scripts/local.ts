/** `npm run status|logs|stop|delete|build`: shows, stops and (without a stack) builds the embedded platform. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { logsDirectory } from "../local/node/sandbox.ts";
import { deletePlatform, platformStatus, startPlatform, stopPlatform } from "../local/platform.ts";
import { pluginLines } from "../local/stack.ts";

function logFiles(): Map<string, string> {
  if (!existsSync(logsDirectory)) return new Map();
  return new Map(
    readdirSync(logsDirectory, { withFileTypes: true }).map((entry) =>
      entry.isDirectory()
        ? [entry.name, join(logsDirectory, entry.name, "current")]
        : [entry.name.replace(/\.log$/, ""), join(logsDirectory, entry.name)],
    ),
  );
}

/** Shows the last lines of one part's log, and follows it with `--follow`. */
function showLogs([name, ...flags]: readonly string[]): number {
  const files = logFiles();
  const file = name === undefined ? undefined : files.get(name);
  if (!file) {
    console.error(
      `no such log; usage: npm run logs -- NAME [--follow], where NAME is one of: ${[...files.keys()].join(", ") || "(none yet)"}`,
    );
    return 2;
  }
  const follow = flags.includes("--follow") || flags.includes("-f");
  return spawnSync("tail", ["-n", "100", ...(follow ? ["-F"] : []), file], { stdio: "inherit" }).status ?? 1;
}

const commands: Record<string, (args: readonly string[]) => number | Promise<number>> = {
  build: async () => {
    await startPlatform();
    await stopPlatform();
    return 0;
  },
  status: async () => {
    const { running, lines } = await platformStatus();
    console.log([...lines, "", ...(await pluginLines())].join("\n").trimEnd());
    return running ? 0 : 3;
  },
  logs: showLogs,
  stop: async () => {
    await stopPlatform();
    console.log("stopped; npm start resumes it");
    return 0;
  },
  delete: async () => {
    await deletePlatform();
    console.log(
      "deleted: the cluster, its data and the stack's state; built tools and images stay in the cache",
    );
    return 0;
  },
};

const [command = "", ...args] = process.argv.slice(2);
const work = commands[command];
if (!work) {
  console.error(`use one of: ${Object.keys(commands).join(", ")}`);
  process.exit(2);
}
try {
  process.exitCode = await work(args);
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
}
