/** The logic behind the Readiness resource; Pulumi's provider process loads it, so state holds no copy. */

import { Cluster, type KubernetesObject } from "@modelcar/kubernetes/client";
import { digestOf } from "@modelcar/kubernetes/digest";
import { interruptible } from "@modelcar/kubernetes/interruption";
import { keptInState } from "@modelcar/kubernetes/kept-in-state";
import { type ClusterAccess, configure, locate, mustNoteAccess } from "@modelcar/kubernetes/location";
import { newestReady, type Pod } from "@modelcar/kubernetes/pods";
import { readOf } from "@modelcar/kubernetes/unreachable";
import type { Conventions } from "./conventions.ts";
import { answers } from "./probe.ts";
import { type Deployment, type Expected, isServing, matches, podsOf, rolledOut } from "./rollout.ts";

/** Kept in Pulumi's state. One of `context` and `kubeconfig` must be there. */
export interface ReadinessInputs extends ClusterAccess {
  readonly namespace: string;
  /** What was declared: KServe's object or a plain Deployment. */
  readonly kind: "InferenceService" | "Deployment";
  /** Its name. */
  readonly name: string;
  /** The Deployment that serves, and its container. */
  readonly deployment: string;
  readonly container: string;
  readonly service: { readonly name: string; readonly port: number };
  /** Name that the model is served under. Default: `name`. */
  readonly model?: string;
  readonly expected: Expected;
  /** Ask the newest pod instead of the Service, where a proxy before the Service wants a token. Default false. */
  readonly viaPod?: boolean;
  /** Port of the model server in its pod, for `viaPod`. Default 8080. */
  readonly podPort?: number;
  /** Secret with the key that the model server wants; read when the question is asked, kept nowhere. Implies `viaPod`. */
  readonly apiKeySecret?: { readonly name: string; readonly key: string };
  /** Uid of what was declared and digest of its spec: another of either means another wait. */
  readonly uid: string;
  readonly revision: string;
  /** For the model to load and answer. */
  readonly timeoutSeconds: number;
  readonly __provider?: string;
}

export interface ReadinessOutputs {
  /** Inside the cluster. */
  readonly url: string;
  /** Outside of it, where KServe itself exposes the service. */
  readonly externalUrl?: string;
}

type State = ReadinessInputs & Partial<ReadinessOutputs>;

interface InferenceService extends KubernetesObject {
  readonly status?: { readonly url?: string; readonly address?: { readonly url?: string } };
}

const defaultPodPort = 8080;
/** A model that has loaded answers soon, even if loading took all the time there was. */
const leastSecondsToAnswer = 30;

/** Whether what is declared has answered already, by whatever name of its cluster: the uid is the cluster's own. */
function isAnswered(olds: State, news: ReadinessInputs): boolean {
  const served = ({ namespace, kind, name, deployment, expected, uid, revision }: State) =>
    digestOf({ namespace, kind, name, deployment, expected, uid, revision });
  return Boolean(olds.url) && served(olds) === served(news);
}

/** Finds mistakes in the preview already. */
async function check(_olds: Partial<State>, news: ReadinessInputs) {
  const isPlaced = Boolean(news.context || news.kubeconfig);
  const reason = "say which cluster: a context of the kubeconfig, or a kubeconfig (its content or a path)";
  return { inputs: news, failures: isPlaced ? [] : [{ property: "context", reason }] };
}

/** The functions behind resources of these conventions. */
export function readinessProvider(conventions: Conventions) {
  const { contextKey, fetcher, toStop } = conventions;
  const declaredAs = (inputs: ReadinessInputs) => ({ ...inputs, ...(fetcher ? { fetcher } : {}) });

  /** Compares what is served; a state without URL is a wait that failed, or a model found down, for which `up` waits again. */
  async function diff(_id: string, olds: State, news: ReadinessInputs) {
    return { changes: !isAnswered(olds, news) || mustNoteAccess(olds, news, contextKey) };
  }

  async function create(inputs: ReadinessInputs) {
    const id = `${inputs.namespace}/${inputs.name}`;
    return { id, outs: await interruptible(() => wait(id, inputs)) };
  }

  async function update(id: string, olds: State, news: ReadinessInputs) {
    if (!isAnswered(olds, news)) return { outs: await interruptible(() => wait(id, news)) };
    const { context: _, kubeconfig: __, ...rest } = olds;
    return { outs: { ...rest, ...news } };
  }

  /**
   * One GET. A model that no pod serves any more loses its URL in state, so that preview says that `up` will wait for it, and
   * what depends on it is not taken for up to date. It is not asked for a token: the kubelet asks it all the time, and a busy
   * model must not look like one that is down. Scaling, and pods of the same declaration that come and go, show as nothing.
   */
  function read(id: string, props: State) {
    return readOf<State>(id, props, locate(props, contextKey), async (cluster) => {
      const deployment = await findDeployment(cluster, props);
      if (deployment && isServing(deployment, declaredAs(props))) return { id, props };
      const { url: _, externalUrl: __, ...rest } = props;
      return { id, props: rest };
    });
  }

  async function wait(id: string, inputs: ReadinessInputs): Promise<State> {
    const { namespace, kind, name, service } = inputs;
    const cluster = Cluster.connect(locate(inputs, contextKey));
    const print = (line: string) => console.log(line);
    const end = performance.now() + inputs.timeoutSeconds * 1000;
    try {
      await rolledOut(cluster, {
        ...declaredAs(inputs),
        ...(toStop ? { toStop } : {}),
        deadlineSeconds: inputs.timeoutSeconds,
        print,
      });
      const asksPod = inputs.viaPod || inputs.apiKeySecret;
      const pod = asksPod ? await podProbe(cluster, declaredAs(inputs)) : undefined;
      await answers(cluster, {
        namespace,
        service,
        model: inputs.model ?? name,
        ...(pod ? { pod } : {}),
        deadlineSeconds: Math.max(leastSecondsToAnswer, (end - performance.now()) / 1000),
      });
      print(`${name}: answers`);
      return { ...inputs, ...(await addressesOf(cluster, inputs)) };
    } catch (error) {
      throw keptInState(id, { ...inputs }, `${kind} ${namespace}/${name}: ${(error as Error).message}`);
    }
  }

  return { configure, check, diff, create, read, update };
}

async function podProbe(cluster: Cluster, inputs: ReadinessInputs & Pick<Conventions, "fetcher">) {
  const { namespace, apiKeySecret, podPort: port = defaultPodPort } = inputs;
  const newest = async () => {
    const deployment = await findDeployment(cluster, inputs);
    if (!deployment) return undefined;
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const { items } = await cluster.request<{ items: Pod[] }>("GET", path, { query: podsOf(deployment) });
    return newestReady(items.filter((pod) => matches(pod, inputs)));
  };
  if (!apiKeySecret) return { newest, port };
  const path = `/api/v1/namespaces/${namespace}/secrets/${apiKeySecret.name}`;
  const secret = await cluster.request<{ data?: Record<string, string> }>("GET", path);
  const value = secret.data?.[apiKeySecret.key];
  if (!value) throw new Error(`Secret ${apiKeySecret.name} has no key ${apiKeySecret.key}`);
  return { newest, port, apiKey: Buffer.from(value, "base64").toString("utf8") };
}

function findDeployment(cluster: Cluster, { namespace, deployment }: ReadinessInputs) {
  return cluster.get<Deployment>(`/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`);
}

/** As KServe says them (the port differs between headed and headless Services); of a Deployment by its Service. */
async function addressesOf(cluster: Cluster, inputs: ReadinessInputs): Promise<ReadinessOutputs> {
  const { kind, namespace, name, service } = inputs;
  const port = service.port === 80 ? "" : `:${service.port}`;
  const own = `http://${service.name}.${namespace}.svc.cluster.local${port}`;
  if (kind === "Deployment") return { url: own };
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`;
  const found = await cluster.get<InferenceService>(path);
  const exposed = found?.metadata.labels?.["networking.kserve.io/visibility"] === "exposed";
  const externalUrl = exposed ? found.status?.url : undefined;
  return { url: found?.status?.address?.url ?? own, ...(externalUrl ? { externalUrl } : {}) };
}
