/** The logic of the Readiness resource. Pulumi's provider process loads it, so state holds no copy. */

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

/** Kept in Pulumi's state. `context` or `kubeconfig` is required. */
export interface ReadinessInputs extends ClusterAccess {
  readonly namespace: string;
  /** Kind of the declared object. */
  readonly kind: "InferenceService" | "Deployment";
  /** Name of the declared object. */
  readonly name: string;
  /** The Deployment that serves, and its container. */
  readonly deployment: string;
  readonly container: string;
  readonly service: { readonly name: string; readonly port: number };
  /** Name that the model is served under. Default: `name`. */
  readonly model?: string;
  readonly expected: Expected;
  /** Probe the newest pod instead of the Service, if a proxy in front of the Service requires a token. Default false. */
  readonly viaPod?: boolean;
  /** Port of the model server in its pod, for `viaPod`. Default 8080. */
  readonly podPort?: number;
  /** Secret with the model server's API key; read for the probe, never stored. Implies `viaPod`. */
  readonly apiKeySecret?: { readonly name: string; readonly key: string };
  /** Uid of the declared object and digest of its spec: a change of either starts another wait. */
  readonly uid: string;
  readonly revision: string;
  /** How long the model may take to load and answer. */
  readonly timeoutSeconds: number;
  readonly __provider?: string;
}

export interface ReadinessOutputs {
  /** Inside the cluster. */
  readonly url: string;
  /** Outside the cluster, if KServe exposes the service. */
  readonly externalUrl?: string;
}

type State = ReadinessInputs & Partial<ReadinessOutputs>;

interface InferenceService extends KubernetesObject {
  readonly status?: { readonly url?: string; readonly address?: { readonly url?: string } };
}

const defaultPodPort = 8080;
/** A loaded model answers soon, even if loading took the whole timeout. */
const leastSecondsToAnswer = 30;

/** Whether the declared model has already answered. The cluster's name does not matter, because the uid is unique. */
function isAnswered(olds: State, news: ReadinessInputs): boolean {
  const served = ({ namespace, kind, name, deployment, expected, uid, revision }: State) =>
    digestOf({ namespace, kind, name, deployment, expected, uid, revision });
  return Boolean(olds.url) && served(olds) === served(news);
}

/** Reports invalid inputs, even in a preview. */
async function check(_olds: Partial<State>, news: ReadinessInputs) {
  const isPlaced = Boolean(news.context || news.kubeconfig);
  const reason = "set the cluster: a context of the kubeconfig, or a kubeconfig (its content or a path)";
  return { inputs: news, failures: isPlaced ? [] : [{ property: "context", reason }] };
}

/** The provider of resources with these conventions. */
export function readinessProvider(conventions: Conventions) {
  const { contextKey, fetcher, toStop } = conventions;
  const declaredAs = (inputs: ReadinessInputs) => ({ ...inputs, ...(fetcher ? { fetcher } : {}) });

  /** Compares what is served. A state without URL is that of a failed wait or of a model that is down: `up` waits again. */
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
   * One GET. If no pod serves the model any more, its URL is removed from state, so that a preview shows that `up` will wait, and
   * dependent resources are not considered up to date. The model is not probed: the kubelet does that, and a busy model must not
   * look like one that is down. Scaling and replaced pods of the same declaration are no drift.
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

/** The URLs that KServe reports (the port differs between headed and headless Services); a Deployment's by its Service. */
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
