/** `npm run plan`: prints the plan of a stack as JSON, without a cluster and without Pulumi. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Config } from "../config/config.ts";
import { projectDirectory } from "../local/paths.ts";
import { stackFileNow } from "../local/stack.ts";
import { committedFile, stackName } from "../local/stack-file.ts";
import { planStack } from "../plan/stack.ts";
import {
  ConfigError,
  configOf,
  entriesOf,
  ownEntries,
  projectDefaults,
  readStackConfig,
} from "./pipelines/stack-config.ts";

const usage = `npm run plan -- [--stack NAME] [--config-file FILE]

Prints a stack's plan as JSON: names, hosts, authentication, placement, runs, networks, images and sizes. Exits with 1 for a stack
that does not fit, and with 2 for a wrong config.

  --stack NAME        the stack of Pulumi.NAME.yaml (default: local)
  --config-file FILE  its config from another file`;

/** The config of stack `local`; zeros stand for the digests of images that are not built yet. */
function localConfig(): Config {
  // Reports errors of the file's syntax.
  entriesOf(committedFile);
  const { file, placeholders } = stackFileNow();
  if (placeholders)
    console.error("no images are built yet: their digests are zeros below; npm start builds them");
  return configOf({ ...projectDefaults(projectDirectory), ...ownEntries(file) }, committedFile);
}

try {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: stackName },
      "config-file": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { help, stack, "config-file": file } = values;
  if (help) console.log(usage);
  else {
    const isLocal = stack === stackName && file === undefined;
    const config = isLocal ? localConfig() : readStackConfig(projectDirectory, stack, file);
    const plan = planStack(config, join(projectDirectory, "tasks"));
    console.log(JSON.stringify(plan, undefined, 2));
    for (const error of plan.sizes.errors) console.error(`error: ${error}`);
    if (plan.sizes.errors.length > 0) process.exitCode = 1;
  }
} catch (error) {
  if (error instanceof ConfigError) console.error(`error: ${error.message}`);
  else if (error instanceof TypeError && "code" in error)
    console.error(`error: ${error.message}\n\n${usage}`);
  else throw error;
  process.exitCode = 2;
}
