/** The logic behind the Readiness resource; Pulumi's provider process loads it, so state holds no copy. */
import { digestOf } from "../digest.ts";
import { Cluster, type KubernetesObject } from "../kubernetes/client.ts";
import { answers } from "./probe.ts";
import { type Expected, rolledOut } from "./rollout.ts";

export interface ReadinessInputs {
  /** Context of the kubeconfig. */
  readonly context: string;
  readonly namespace: string;
  /** Name of the InferenceService, and of the model that it serves. */
  readonly name: string;
  readonly service: { readonly name: string; readonly port: number };
  readonly expected: Expected;
  /** Uid of the InferenceService and digest of its spec: another of either means another wait. */
  readonly uid: string;
  readonly revision: string;
  readonly timeoutSeconds: number;
  readonly __provider?: string;
}

type State = ReadinessInputs & { readonly url?: string };

interface InferenceService extends KubernetesObject {
  readonly status?: { readonly address?: { readonly url?: string } };
}

/** Compares what is served; a state without URL is a wait that failed, which the next `up` tries again. */
export async function diff(_id: string, olds: State, news: ReadinessInputs) {
  const served = ({ namespace, name, expected, uid, revision }: State) =>
    digestOf({ namespace, name, expected, uid, revision });
  return { changes: !olds.url || served(olds) !== served(news) };
}

export async function create(inputs: ReadinessInputs) {
  const id = `${inputs.namespace}/${inputs.name}`;
  return { id, outs: await wait(id, inputs) };
}

export async function update(id: string, _olds: State, news: ReadinessInputs) {
  return { outs: await wait(id, news) };
}

async function wait(id: string, inputs: ReadinessInputs): Promise<State> {
  const { namespace, name, service, expected } = inputs;
  const cluster = Cluster.connect(inputs.context);
  const print = (line: string) => console.log(line);
  const end = Date.now() + inputs.timeoutSeconds * 1000;
  try {
    const deadlineSeconds = inputs.timeoutSeconds;
    await rolledOut(cluster, { namespace, service: name, expected, deadlineSeconds, print });
    await answers(cluster, {
      namespace,
      service,
      model: name,
      deadlineSeconds: Math.max(30, (end - Date.now()) / 1000),
    });
    print(`${name}: answers`);
    return { ...inputs, url: await addressOf(cluster, inputs) };
  } catch (error) {
    const message = `InferenceService ${namespace}/${name}: ${(error as Error).message}`;
    throw Object.assign(new Error(message), { id, properties: { ...inputs }, reasons: [message] });
  }
}

/** The URL inside the cluster, as KServe says it (the port differs between headed and headless Services). */
async function addressOf(cluster: Cluster, { namespace, name, service }: ReadinessInputs): Promise<string> {
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`;
  const found = await cluster.get<InferenceService>(path);
  return (
    found?.status?.address?.url ?? `http://${service.name}.${namespace}.svc.cluster.local:${service.port}`
  );
}
