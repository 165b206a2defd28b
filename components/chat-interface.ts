import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { role, roleBinding, serviceAccount } from "./manifests/access.ts";
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
} from "./manifests/chat-interface.ts";
import { chatPolicies } from "./manifests/chat-network.ts";
import type { Endpoint } from "./manifests/endpoint.ts";
import type { Network } from "./manifests/network-policies.ts";
import { expose } from "./model-endpoint.ts";
import { password, secret } from "./secret.ts";

export interface ChatInterfaceArgs extends Omit<ChatSpec, "name" | "model" | "apiKeySecret"> {
  /** Of all its objects. Default: anything-llm. */
  readonly chatName?: string | undefined;
  readonly model: {
    /** Name under which it answers. */
    readonly name: string;
    /** Without /v1. */
    readonly url: pulumi.Input<string>;
    /** Tokens of a prompt and its answer together. */
    readonly maxModelLen: number;
    /**
     * What it asks callers for: a key in a Secret, or (OpenShift AI's check) the token of an account that may call it, which
     * is made. Default: nothing.
     */
    readonly asksFor?: { readonly name: string; readonly key: string } | "token" | undefined;
  };
  /** Keep the volume when the stack is destroyed; its namespace must stay too. Default: false. */
  readonly retain?: boolean | undefined;
  /** Reachable from outside as `endpoint` says. */
  readonly exposed: boolean;
  readonly endpoint: Endpoint;
  /** What the network policies depend on. Default: no policies. */
  readonly network?: Network | undefined;
}

/** AnythingLLM as the chat UI of a served model, behind a generated password. */
export class ChatInterface extends pulumi.ComponentResource {
  /** Where it answers: outside the cluster if it is exposed, else inside. */
  readonly url: pulumi.Output<string>;
  /** Secret whose key AUTH_TOKEN is the password that the UI asks for. */
  readonly passwordSecret: string;

  constructor(name: string, args: ChatInterfaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ChatInterface", name, {}, opts);
    const { chatName = "anything-llm", model, namespace, endpoint, network, retain = false } = args;
    const child = { parent: this, dependsOn: opts?.dependsOn ?? [] };
    const token = model.asksFor === "token" ? this.#token(name, chatName, args, child) : undefined;
    const apiKeySecret =
      model.asksFor === "token" ? { name: `${chatName}-token`, key: "token" } : model.asksFor;
    const apiUrl = pulumi.interpolate`${model.url}/v1`;
    const chat = { ...args, name: chatName, model: { ...model, apiUrl }, apiKeySecret };

    const values = chatSecretKeys.map((key) => [key, password(`${name}-${key}`, { parent: this })]);
    const secrets = secret(name, chatMetadata(chat), Object.fromEntries(values), child);
    const claim = new k8s.core.v1.PersistentVolumeClaim(name, chatVolumeClaim(chat), {
      ...child,
      retainOnDelete: retain,
    });
    for (const policy of network ? chatPolicies(namespace, network) : []) {
      new k8s.networking.v1.NetworkPolicy(`${name}-${policy.metadata.name}`, policy, child);
    }
    const dependsOn = [secrets, claim, ...(token ? [token] : [])];
    const deployment = new k8s.apps.v1.Deployment(name, chatDeployment(chat), { parent: this, dependsOn });
    // A Service is ready when pods answer behind it.
    const service = new k8s.core.v1.Service(name, chatService(chat), {
      parent: this,
      dependsOn: deployment,
    });
    const around = { parent: this, dependsOn: service };
    this.url =
      args.exposed && endpoint.exposure !== "none"
        ? expose(name, exposedChat(chat, endpoint), around)
        : pulumi.output(`http://${chatName}.${namespace}.svc.cluster.local`);
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
