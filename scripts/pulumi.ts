/** `npm run preview|up|destroy` and `npm run pulumi -- …`: Pulumi's CLI on the stack `local`. */
import { refusal } from "../local/own-stack.ts";
import { platformStatus } from "../local/platform.ts";
import { prepareStack, pulumi } from "../local/stack.ts";

const args = process.argv.slice(2);
try {
  const refused = refusal(args, process.env);
  if (refused) throw new Error(refused);
  const { running, lines } = await platformStatus();
  if (!running) throw new Error(lines.join("\n"));
  await prepareStack((line) => console.error(line));
  process.exitCode = await pulumi(args);
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
}
