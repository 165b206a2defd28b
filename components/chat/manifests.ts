/** Manifests of AnythingLLM as the chat UI of a served model. */

import type { PolicyRule } from "../../pipelines/jobs.ts";
import { identity } from "../../rules/any-user.ts";
import { type Count, minus, partOf } from "../../rules/given.ts";
import { modelPod, type Platform, restrictedContainer } from "../../rules/security.ts";
import { chatInterface } from "../../sizing/platform-containers.ts";
import type { Endpoint, ExposedModel } from "../serving/endpoint.ts";
import { singleReplica } from "../shared/single-replica.ts";
import { volumeClaim } from "../storage/manifests.ts";

/** `Text` and `N`: as of an InferenceServiceSpec. */
export interface ChatSpec<Text = string, N extends Count = number> {
  readonly platform: Platform;
  readonly namespace: string;
  /** Name of all its objects. */
  readonly name: string;
  /**
   * AnythingLLM by digest. On OpenShift an image that runs as any user, such as quay.io/rh-aiservices-bu/anythingllm-workbench;
   * mintplexlabs/anythingllm runs only as user 1000.
   */
  readonly image: string;
  readonly model: {
    /** Name that requests give for it. */
    readonly name: string;
    /** URL of its OpenAI API, with /v1. */
    readonly apiUrl: Text;
    /** Tokens of a prompt and its answer together. */
    readonly maxModelLen: N;
  };
  /** Secret with the key or token that the model requires. Default: none. */
  readonly apiKeySecret?: { readonly name: string; readonly key: string } | undefined;
  /** Size of the volume for workspaces, documents and chats. */
  readonly storage: string;
  /** Default: the cluster's default class. */
  readonly storageClass?: string | undefined;
  /** Where the image keeps persistent data. Default: by platform, as in the images above. */
  readonly storageDirectory?: string | undefined;
  /** Secrets of type dockerconfigjson. */
  readonly pullSecrets: readonly string[];
}

type ChatName = Pick<ChatSpec<unknown, Count>, "name" | "namespace">;

/** The UI's port in its pod. */
export const chatPort = 3001;

/** The UI's password, its session key, and the key and salt with which it encrypts stored data. */
export const chatSecretKeys = ["AUTH_TOKEN", "JWT_SECRET", "SIG_KEY", "SIG_SALT"] as const;

const component = { "app.kubernetes.io/component": "chat-interface" };
/** Every pod of a chat UI, deployed by the program or by a run. */
export const chatPods = { matchLabels: component };
export const chatLabels = (name: string) => ({ "app.kubernetes.io/name": name, ...component });

/**
 * At each start Red Hat's image links AnythingLLM's folders into its own directory, and empties the directory that the
 * original image uses.
 */
export const storageDirectories: Record<Platform, string> = {
  openshift: "/opt/app-root/src/anythingllm",
  kubernetes: "/app/server/storage",
};
const longestAnswer = 1024;
const serviceCa = "/var/run/modelcar/service-ca";

export const chatMetadata = ({ name, namespace }: ChatName) => ({
  name,
  namespace,
  labels: chatLabels(name),
});

export function chatVolumeClaim({ name, namespace, storage, storageClass }: ChatSpec<unknown, Count>) {
  return volumeClaim({ name, namespace, size: storage, storageClass });
}

export function chatService(chat: ChatName) {
  return {
    metadata: chatMetadata(chat),
    spec: {
      selector: chatLabels(chat.name),
      ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
    },
  };
}

/** The UI, described so that it can be exposed like a model. */
export function exposedChat({ name, namespace }: ChatName, endpoint: Endpoint): ExposedModel {
  return { name, namespace, service: { name, port: 80 }, stopped: false, endpoint, path: "/" };
}

/** Under OpenShift AI's token check, callers must have the right to get the model's InferenceService. */
export const modelCaller = (model: string): PolicyRule => ({
  apiGroups: ["serving.kserve.io"],
  resources: ["inferenceservices"],
  resourceNames: [model],
  verbs: ["get"],
});

/**
 * The Secret into which Kubernetes writes a token of the chat's service account. The token does not expire, because AnythingLLM
 * reads it only at its start.
 */
export function chatToken(chat: ChatName) {
  const { name, namespace, labels } = chatMetadata(chat);
  return {
    metadata: {
      name: `${name}-token`,
      namespace,
      labels,
      annotations: { "kubernetes.io/service-account.name": name },
    },
    type: "kubernetes.io/service-account-token",
  };
}

/** One pod, deleted before the next one starts: its database is a file on a volume that only one node mounts. */
export function chatDeployment<Text>(chat: ChatSpec<Text, Count>) {
  const { name, platform, pullSecrets } = chat;
  return singleReplica({
    metadata: chatMetadata(chat),
    labels: chatLabels(name),
    pod: {
      securityContext: modelPod(platform),
      ...(pullSecrets.length > 0
        ? { imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) }
        : {}),
      containers: [container(chat)],
      volumes: [
        { name: "storage", persistentVolumeClaim: { claimName: name } },
        ...(platform === "openshift"
          ? [{ name: "service-ca", configMap: { name: "openshift-service-ca.crt", optional: true } }]
          : []),
      ],
    },
  });
}

/** The root file system stays writable: the image generates its database client among its own files at each start. */
function container<Text>(chat: ChatSpec<Text, Count>) {
  const probe = { httpGet: { path: "/api/ping", port: "http" }, timeoutSeconds: 5 };
  return {
    name: "anything-llm",
    image: chat.image,
    env: environment(chat),
    ports: [{ name: "http", containerPort: chatPort, protocol: "TCP" }],
    // It migrates its database first.
    startupProbe: { ...probe, periodSeconds: 5, failureThreshold: 60 },
    readinessProbe: { ...probe, periodSeconds: 10 },
    livenessProbe: { ...probe, periodSeconds: 30, failureThreshold: 4 },
    resources: {
      requests: { cpu: chatInterface.cpu, memory: chatInterface.memory },
      limits: { cpu: chatInterface.cpuLimit, memory: chatInterface.memoryLimit },
    },
    securityContext: restrictedContainer,
    volumeMounts: [
      { name: "storage", mountPath: chat.storageDirectory ?? storageDirectories[chat.platform] },
      ...(chat.platform === "openshift"
        ? [{ name: "service-ca", mountPath: serviceCa, readOnly: true }]
        : []),
    ],
  };
}

/**
 * At each start these variables override settings made in the UI. AnythingLLM may fill its whole token limit with the prompt,
 * while vLLM counts prompt and answer together.
 */
function environment<Text>({ name, platform, model, apiKeySecret }: ChatSpec<Text, Count>) {
  const answer = partOf(model.maxModelLen, 4, longestAnswer);
  const values: Record<string, string | Text> = {
    ...identity,
    STORAGE_DIR: "/app/server/storage",
    SERVER_PORT: String(chatPort),
    LLM_PROVIDER: "generic-openai",
    GENERIC_OPEN_AI_BASE_PATH: model.apiUrl,
    GENERIC_OPEN_AI_MODEL_PREF: model.name,
    GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT: String(minus(model.maxModelLen, answer)),
    GENERIC_OPEN_AI_MAX_TOKENS: String(answer),
    EMBEDDING_ENGINE: "native",
    VECTOR_DB: "lancedb",
    DISABLE_TELEMETRY: "true",
    // Its agents refuse to start without a key.
    ...(apiKeySecret ? {} : { GENERIC_OPEN_AI_API_KEY: "none" }),
    ...(platform === "openshift" ? { NODE_EXTRA_CA_CERTS: `${serviceCa}/service-ca.crt` } : {}),
  };
  const secrets: Record<string, { readonly name: string; readonly key: string }> = {
    ...Object.fromEntries(chatSecretKeys.map((key) => [key, { name, key }])),
    ...(apiKeySecret ? { GENERIC_OPEN_AI_API_KEY: apiKeySecret } : {}),
  };
  return [
    ...Object.entries(values).map(([name, value]) => ({ name, value })),
    ...Object.entries(secrets).map(([name, { name: secret, key }]) => ({
      name,
      valueFrom: { secretKeyRef: { name: secret, key } },
    })),
  ];
}
