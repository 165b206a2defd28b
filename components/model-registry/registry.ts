import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type RegistryAuthentication, registryAddress } from "../../rules/addresses.ts";
import type { Platform } from "../../rules/security.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { requiredImage } from "../shared/required-image.ts";
import { fingerprint, password, secret } from "../shared/secret.ts";
import { serviceNamespace } from "../shared/service-namespace.ts";
import { volumeClaim } from "../storage/manifests.ts";
import { declareClaim } from "../storage/volume-claim.ts";
import {
  databaseIngress,
  databaseServer,
  databaseService,
  modelRegistry,
  type RegistryName,
  registryIngress,
  registryUser,
  server,
  service,
} from "./manifests.ts";

/** Any Kubeflow model registry, by its URL. Credentials creates the Secret with its token, if it needs one. */
export interface RegistryByUrl {
  readonly kind: "url";
  readonly url: string;
  readonly auth: "none" | "token";
}

/** An existing ModelRegistry of OpenShift AI's operator. */
export interface ExistingRegistry extends RegistryName {
  readonly kind: "existing";
  readonly auth: RegistryAuthentication;
}

/**
 * A registry that the stack deploys, with its database. On OpenShift a ModelRegistry in the namespace of registries, which must
 * exist; on Kubernetes a Deployment in its own namespace.
 */
export interface OwnRegistry extends RegistryName {
  readonly kind: "own";
  /** Size of the database's volume. */
  readonly storage: string;
  /** Default: the cluster's default class. */
  readonly storageClass?: string | undefined;
  /** Keep the database's volume (on Kubernetes with its namespace) when the stack is destroyed; see VolumeArgs. */
  readonly retain: boolean;
}

export interface RegistryArgs {
  readonly platform: Platform;
  /** Namespace of pipelines and models. */
  readonly namespace: string;
  readonly registry: RegistryByUrl | ExistingRegistry | OwnRegistry;
  /** Service account, in `namespace`, of the tasks that register models. */
  readonly serviceAccount: string;
  /** Whether to create network policies: `namespace` may reach the registry, and only the registry its own database. */
  readonly networkPolicies: boolean;
  readonly images: { readonly modelRegistry?: string | undefined; readonly mariadb?: string | undefined };
}

/** The model registry: what tasks need to reach it and, if the stack deploys it, the registry itself. */
export class Registry extends pulumi.ComponentResource {
  /** Base URL of its REST service, as pods reach it. */
  readonly url: string;
  /** How it authenticates callers. */
  readonly auth: RegistryAuthentication | "token";

  constructor(name: string, args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Registry", name, {}, inheritedDependsOn(opts));
    const { registry, namespace, platform } = args;
    const { url, auth } = registryAddress(registry, platform);
    this.url = url;
    this.auth = auth;
    if (registry.kind !== "url" && auth !== "token") {
      const ready = registry.kind === "own" ? this.#own(name, registry, args) : undefined;
      this.#access(name, registry, auth, args, ready);
    }
    // For people who start pipelines by hand.
    const data = { MODEL_REGISTRY_URL: this.url, MODEL_REGISTRY_AUTH: this.auth };
    const metadata = { name: "model-registry", namespace };
    new k8s.core.v1.ConfigMap(name, { metadata, data }, { parent: this });
    this.registerOutputs({ url: this.url });
  }

  /** Gives the project's namespace, and the account that registers models, access to the registry. */
  #access(
    name: string,
    registry: RegistryName,
    auth: RegistryAuthentication,
    args: RegistryArgs,
    space?: pulumi.Resource,
  ) {
    const { platform, namespace, networkPolicies, serviceAccount } = args;
    const child = { parent: this, dependsOn: space ?? [] };
    if (networkPolicies) {
      const policy = registryIngress(registry, auth, platform, namespace);
      new k8s.networking.v1.NetworkPolicy(`${name}-ingress`, policy, child);
    }
    if (auth === "serviceAccount") {
      const binding = registryUser(registry, serviceAccount, namespace);
      new k8s.rbac.v1.RoleBinding(`${name}-user`, binding, child);
    }
  }

  /** Deploys the registry. Returns its namespace if the stack creates it. */
  #own(name: string, registry: OwnRegistry, args: RegistryArgs): pulumi.Resource | undefined {
    const { namespace, retain: retainOnDelete } = registry;
    const onOpenShift = args.platform === "openshift";
    const space = onOpenShift
      ? undefined
      : new k8s.core.v1.Namespace(name, serviceNamespace(namespace), { parent: this, retainOnDelete });
    const inside = { parent: this, dependsOn: space ?? [] };
    const [databaseSecret, database] = this.#database(name, registry, args, inside);
    const afterDatabase = { parent: this, dependsOn: database };
    if (onOpenShift) {
      new k8s.apiextensions.CustomResource(name, modelRegistry(registry, databaseSecret), afterDatabase);
      return space;
    }
    const image = requiredImage(args.images, "modelRegistry");
    const spec = { ...registry, platform: args.platform, image, databaseSecret };
    const deployment = new k8s.apps.v1.Deployment(name, server(spec), afterDatabase);
    // Pulumi considers a Service ready once pods are ready behind it.
    new k8s.core.v1.Service(name, service(registry), { parent: this, dependsOn: deployment });
    return space;
  }

  #database(name: string, registry: OwnRegistry, args: RegistryArgs, inside: pulumi.CustomResourceOptions) {
    const { namespace, storage: size, storageClass } = registry;
    const part = `${name}-database`;
    const passwords = {
      MYSQL_PASSWORD: password(part, { parent: this }),
      MYSQL_ROOT_PASSWORD: password(`${part}-root`, { parent: this }),
    };
    // Named by content: the operator restarts its pods when the Secret's name changes, but not when its data does.
    const secretName = pulumi.interpolate`${registry.name}-db-${fingerprint(part, passwords, { parent: this })}`;
    const login = secret(part, { name: secretName, namespace }, passwords, inside);
    const volume = volumeClaim({ namespace, name: `${registry.name}-db`, size, storageClass });
    const claim = declareClaim(part, volume, {
      ...inside,
      retainOnDelete: registry.retain,
    });
    if (args.networkPolicies) {
      new k8s.networking.v1.NetworkPolicy(part, databaseIngress(registry), inside);
    }
    const image = requiredImage(args.images, "mariadb");
    const spec = { ...registry, platform: args.platform, image, databaseSecret: secretName };
    const deployment = new k8s.apps.v1.Deployment(part, databaseServer(spec), {
      parent: this,
      dependsOn: [login, claim],
    });
    const address = new k8s.core.v1.Service(part, databaseService(registry), {
      parent: this,
      dependsOn: deployment,
    });
    return [secretName, address] as const;
  }
}
