import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { serviceHost } from "../../rules/addresses.ts";
import type { Authentication } from "../../rules/authentication.ts";
import { chatName as defaultName } from "../../rules/names.ts";
import { role, roleBinding, serviceAccount } from "../access/manifests.ts";
import type { Endpoint } from "../serving/endpoint.ts";
import { expose } from "../serving/model-endpoint.ts";
import type { ModelService } from "../serving/model-service.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { password, secret } from "../shared/secret.ts";
import { declareClaim } from "../storage/volume-claim.ts";
import {
  type ChatSpec,
  chatDeployment,
  chatMetadata,
  chatSecretKeys,
  chatService,
  chatToken,
  chatVolumeClaim,
  exposedChat,
  modelCaller,
} from "./manifests.ts";

export interface ChatInterfaceArgs extends Omit<ChatSpec, "name" | "model" | "apiKeySecret"> {
  /** Name of all its objects. Default: anything-llm. */
  readonly chatName?: string | undefined;
  readonly model: {
    /** Name that requests give for it. */
    readonly name: string;
    /** Without /v1. */
    readonly url: pulumi.Input<string>;
    /** Tokens of a prompt and its answer together. */
    readonly maxModelLen: number;
    /** How it authenticates callers. For OpenShift AI's token check, a service account with access and a token are created. */
    readonly authentication: Authentication;
  };
  /** Keep the volume when the stack is destroyed; its namespace must stay too. Default: false. */
  readonly retain?: boolean | undefined;
  /** Whether it is reachable from outside, by `endpoint`. */
  readonly exposed: boolean;
  readonly endpoint: Endpoint;
}

/** AnythingLLM as the chat UI of a served model, behind a generated password. */
export class ChatInterface extends pulumi.ComponentResource {
  /** Its URL: the external one if it is exposed, else the one inside the cluster. */
  readonly url: pulumi.Output<string>;
  /** Name of the Secret whose key AUTH_TOKEN is the password of the UI. */
  readonly passwordSecret: string;

  constructor(name: string, args: ChatInterfaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ChatInterface", name, {}, inheritedDependsOn(opts));
    const { chatName = defaultName, model, namespace, endpoint, retain = false } = args;
    const child = { parent: this };
    const { authentication } = model;
    const byToken = authentication.kind === "platformToken";
    const token = byToken ? this.#token(name, chatName, args, child) : undefined;
    const key = authentication.kind === "apiKey" ? authentication.secret : undefined;
    const apiKeySecret = byToken ? { name: `${chatName}-token`, key: "token" } : key;
    const apiUrl = pulumi.interpolate`${model.url}/v1`;
    const chat = { ...args, name: chatName, model: { ...model, apiUrl }, apiKeySecret };

    const values = chatSecretKeys.map((key) => [key, password(`${name}-${key}`, { parent: this })]);
    const secrets = secret(name, chatMetadata(chat), Object.fromEntries(values), child);
    const claim = declareClaim(name, chatVolumeClaim(chat), {
      ...child,
      retainOnDelete: retain,
    });
    const dependsOn = [secrets, claim, ...(token ? [token] : [])];
    const deployment = new k8s.apps.v1.Deployment(name, chatDeployment(chat), { parent: this, dependsOn });
    // Pulumi considers a Service ready once pods are ready behind it.
    const service = new k8s.core.v1.Service(name, chatService(chat), {
      parent: this,
      dependsOn: deployment,
    });
    this.url = args.exposed
      ? expose(name, exposedChat(chat, endpoint), { parent: this, dependsOn: service })
      : pulumi.output(`http://${serviceHost(chatName, namespace)}`);
    this.passwordSecret = chatName;
    this.registerOutputs({ url: this.url, passwordSecret: this.passwordSecret });
  }

  /** An account that may call the model, and its token. */
  #token(
    name: string,
    account: string,
    { namespace, model }: ChatInterfaceArgs,
    child: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const caller = new k8s.core.v1.ServiceAccount(name, serviceAccount(namespace, account), child);
    const grant = { name: account, rules: [modelCaller(model.name)], accounts: [account] };
    const granted = new k8s.rbac.v1.Role(name, role(namespace, grant), child);
    new k8s.rbac.v1.RoleBinding(name, roleBinding(namespace, grant), {
      parent: this,
      dependsOn: [granted, caller],
    });
    return new k8s.core.v1.Secret(`${name}-token`, chatToken({ name: account, namespace }), {
      parent: this,
      dependsOn: caller,
    });
  }
}

/** What a chat UI needs to know of its model. */
export const answering = ({ url, authentication }: ModelService) => ({
  // A stopped model has no URL; its chat UI is stopped too.
  url: url.apply((known) => known ?? ""),
  authentication,
});
