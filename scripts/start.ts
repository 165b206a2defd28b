/** `npm start`: the embedded platform, the stack `local` on it, and one chat request to each model. */
import { askWhenServed, gatewayUrl, type ServedModel } from "../local/chat.ts";
import { gatewayPort, kubeconfigFile } from "../local/paths.ts";
import { startPlatform } from "../local/platform.ts";
import { Progress } from "../local/progress.ts";
import { prepareStack, pulumi, stackOutputs } from "../local/stack.ts";

const question = "What is 7 plus 5?";

async function start(): Promise<void> {
  const progress = new Progress();
  await startPlatform(progress);
  progress.say("the platform is up; now pulumi up --stack local");
  await prepareStack((line) => progress.say(line));
  const status = await pulumi(["up", "--yes", "--skip-preview", "--non-interactive", "--suppress-permalink"]);
  if (status !== 0) throw new Error("pulumi up failed; the reason is above. Fix it and run npm start again.");
  const { models, summary } = (await stackOutputs()) as {
    models: Record<string, ServedModel>;
    summary: string;
  };
  for (const [name, model] of Object.entries(models)) {
    if (!model.url) {
      progress.say(`${name} is declared and stopped (serve.stopped in Pulumi.local.yaml)`);
      continue;
    }
    const url = gatewayUrl(model.url, gatewayPort);
    progress.say(`${name} is served at ${url}/v1 (any OpenAI client; no key)`);
    const say = (message: string) => progress.say(message);
    const answer = await askWhenServed(url, name, question, { seconds: 300, say });
    console.log(`        you: ${question}\n        ${name}: ${answer}`);
  }
  console.log(`
${summary.replaceAll(/^- /gm, "")}

Look around:     npm run status; export KUBECONFIG=${kubeconfigFile}; kubectl get all -A
The report:      npm run report
Change a model:  edit Pulumi.local.yaml (its name or revision), npm run preview, npm start
Drift:           npm run preview
Tear down:       npm run destroy (the stack), npm run stop (the platform), npm run delete (all of it)`);
}

try {
  await start();
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
}
