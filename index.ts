import { Access } from "./components/access/access.ts";
import { answering, ChatInterface } from "./components/chat/chat-interface.ts";
import { connectCluster } from "./components/cluster/connection.ts";
import { Credentials } from "./components/credentials/credentials.ts";
import { Model } from "./components/model/model.ts";
import { modelOutputs, summaryOf } from "./components/model/model-outputs.ts";
import { Registry } from "./components/model-registry/registry.ts";
import { Monitoring } from "./components/monitoring/monitoring.ts";
import { ObjectStore, storeLogin } from "./components/object-store/object-store.ts";
import { Pipelines } from "./components/pipelines/pipelines.ts";
import { Project } from "./components/project/project.ts";
import { ServingRuntimes } from "./components/serving/serving-runtime.ts";
import { takeFieldsBack } from "./components/shared/field-ownership.ts";
import { Storage } from "./components/storage/storage.ts";
import { loadConfig } from "./config/load.ts";
import { stopUnlessItFits } from "./config/sizes.ts";
import { planStack } from "./plan/stack.ts";

const config = loadConfig();
const plan = planStack(config, "tasks");
stopUnlessItFits(plan.sizes);

const { namespace, context } = plan;
const { secrets, accelerators } = config;
const onCluster = { providers: [connectCluster(context, namespace)], transformations: [takeFieldsBack] };
const project = new Project("project", plan.project, onCluster);
const inProject = { ...onCluster, dependsOn: project };

const login = storeLogin(secrets);
const objectStore = new ObjectStore("object-store", { ...plan.objectStore, login }, onCluster);
const storage = new Storage("storage", { ...plan.storage, deletedWith: project.deleted }, inProject);
const credentials = new Credentials("credentials", { ...plan.credentials, objectStore, secrets }, inProject);
const registry = new Registry("registry", plan.registry, inProject);
const access = new Access("access", { ...plan.access, project }, inProject);
const pipelines = new Pipelines("pipelines", plan.pipelines, inProject);
const runtimes = new ServingRuntimes("serving-runtimes", plan.runtimes, inProject);

const served = new Map<string, Model>();
for (const { base, queue, service, ...planned } of plan.models) {
  const args = {
    ...planned,
    base: served.get(base ?? ""),
    runs: { ...plan.runs, queue, objectStore, storage, registry, pipelines },
    service: { ...service, servingRuntime: runtimes.of(service.runtime) },
  };
  const { name } = planned.model;
  const ready = { ...onCluster, dependsOn: [credentials, ...access.of(name)] };
  served.set(name, new Model(name, args, ready));
}

/** Each model's URLs, storage, origin and measurements. */
export const models = Object.fromEntries(
  [...served].map(([name, model]) => [name, modelOutputs(model, accelerators)]),
);
/** All measurements as a table: `pulumi stack output summary`. */
export const summary = summaryOf([...served.values()], accelerators);

if (plan.monitoring) new Monitoring("monitoring", plan.monitoring, inProject);

const asked = served.get(plan.chat?.model.name ?? "")?.service;
const chatInterface =
  plan.chat && asked
    ? new ChatInterface(
        "chat",
        { ...plan.chat, model: { ...plan.chat.model, ...answering(asked) } },
        inProject,
      )
    : undefined;
/** The chat UI, and the Secret whose key AUTH_TOKEN is its password; null without one, because Pulumi warns about undefined. */
export const chat = chatInterface
  ? { url: chatInterface.url, passwordSecret: chatInterface.passwordSecret }
  : null;
export { namespace };
/** URL of the model registry's REST API inside the cluster. */
export const modelRegistry = registry.url;
