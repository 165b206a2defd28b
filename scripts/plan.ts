/** `npm run plan`: prints what a stack consists of as JSON, without a cluster and without Pulumi. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectDirectory } from "../local/paths.ts";
import { planStack } from "../plan/stack.ts";
import { ConfigError, readStackConfig } from "./pipelines/stack-config.ts";

const usage = `npm run plan -- [--stack NAME] [--config-file FILE]

Prints the plan of a stack: all that its config comes to, as JSON.

  --stack NAME        the stack of Pulumi.NAME.yaml (default: local)
  --config-file FILE  its config from another file`;

try {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "local" },
      "config-file": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) console.log(usage);
  else {
    const config = readStackConfig(projectDirectory, values.stack, values["config-file"]);
    console.log(JSON.stringify(planStack(config, join(projectDirectory, "tasks")), undefined, 2));
  }
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof TypeError)) throw error;
  console.error(`error: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
