import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Exposure } from "../../plan/models.ts";
import { secondsToServe } from "../../plan/runtimes.ts";
import type { Authentication } from "../../rules/authentication.ts";
import { serviceMonitor } from "../monitoring/service-monitor.ts";
import { Readiness } from "../readiness/index.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import type { Cache } from "./deployment-service.ts";
import type { Endpoint } from "./endpoint.ts";
import type { InferenceServiceSpec } from "./inference-service.ts";
import { byDeployment, byKServe, type Served } from "./model-backends.ts";
import { apiKeySecret, expose, joinMesh } from "./model-endpoint.ts";
import type { ServingRuntime } from "./serving-runtime.ts";
import { port, type RuntimeSpec } from "./vllm.ts";

export interface ModelServiceArgs
  extends Pick<
    InferenceServiceSpec<pulumi.Input<string>>,
    | "platform"
    | "name"
    | "namespace"
    | "deploymentMode"
    | "storageUri"
    | "registration"
    | "placement"
    | "pullSecrets"
  > {
  /** Context of the kubeconfig. */
  readonly context: string;
  /** The vLLM build, its image and its settings. */
  readonly runtime: RuntimeSpec;
  /** Its ServingRuntime. Not needed with `mode: deployment`. */
  readonly servingRuntime?: ServingRuntime | undefined;
  readonly serve: InferenceServiceSpec["serve"] & {
    /** kserve: an InferenceService. deployment: a plain Deployment that caches the model on a volume. */
    readonly mode: "kserve" | "deployment";
    /** Whether it is reachable from outside, by `endpoint`. */
    readonly exposed: boolean;
    /** Callers must authenticate: on OpenShift AI with a token, elsewhere with vLLM's API key. */
    readonly auth: boolean;
    /** Needed with `mode: deployment`. */
    readonly cache?: Cache | undefined;
  };
  readonly authentication: Authentication;
  readonly exposure: Exposure;
  readonly endpoint: Endpoint;
  readonly monitoring: {
    /** Declare a ServiceMonitor for its metrics, unless the platform creates one. */
    readonly serviceMonitor: boolean;
    /** Labels by which the cluster's Prometheus selects it. */
    readonly labels: Readonly<Record<string, string>>;
  };
  /** For `cache.fetch: oras`. */
  readonly orasImage?: string | undefined;
  /** The registry of the artefact does not use TLS. Default: false. */
  readonly plainHttp?: boolean;
}

/** One served model with its endpoint, and a check that it answers. A stopped model is declared, but not waited for. */
export class ModelService extends pulumi.ComponentResource {
  /** URL inside the cluster, known once the model answers; undefined while it is stopped. */
  readonly url: pulumi.Output<string | undefined>;
  /** URL outside the cluster; undefined if it is not exposed, and while it is stopped. */
  readonly externalUrl: pulumi.Output<string | undefined>;
  /** How callers authenticate. */
  readonly authentication: Authentication;

  constructor(name: string, args: ModelServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ModelService", name, {}, inheritedDependsOn(opts));
    const { namespace, serve, endpoint } = args;

    this.authentication = args.authentication;
    const hasKey = this.authentication.kind === "apiKey";
    const served = this.serve(name, args, hasKey ? [apiKeySecret(name, args, { parent: this })] : []);
    const withService = { parent: this, dependsOn: served.resource };

    const model = { name: args.name, namespace, service: served.service, stopped: serve.stopped, endpoint };
    const outside = args.exposure === "byStack" ? expose(name, model, withService) : undefined;
    if (endpoint.mesh) joinMesh(name, model, withService);
    const { serviceMonitor: monitored, labels } = args.monitoring;
    if (monitored) {
      const monitor = serviceMonitor({ ...model, serviceLabels: served.serviceLabels, labels });
      new k8s.apiextensions.CustomResource(`${name}-metrics`, monitor, withService);
    }

    const ready = serve.stopped ? undefined : this.ready(name, args, served);
    this.url = pulumi.output(ready?.url);
    this.externalUrl = pulumi.output(
      ready && args.exposure !== "none" ? (outside ?? ready.externalUrl) : undefined,
    );
    this.registerOutputs({ url: this.url, externalUrl: this.externalUrl });
  }

  private serve(name: string, args: ModelServiceArgs, before: pulumi.Resource[]): Served {
    const { serve, endpoint, runtime, servingRuntime } = args;
    const { authentication } = this;
    const apiKeySecret = authentication.kind === "apiKey" ? authentication.secret.name : undefined;
    const both = { ...args, apiKeySecret, mesh: endpoint.mesh };
    if (serve.mode === "deployment") {
      if (!serve.cache) throw new Error(`model ${args.name}: serve.mode deployment needs serve.cache`);
      return byDeployment(name, { ...both, cache: serve.cache }, { parent: this, dependsOn: before });
    }
    const spec = {
      ...both,
      runtime: runtime.name,
      route: args.exposure === "byOpenShiftAi",
      tokenAuth: authentication.kind === "platformToken",
      timeoutSeconds: endpoint.timeoutSeconds,
    };
    const dependsOn = servingRuntime ? [...before, servingRuntime] : before;
    return byKServe(name, spec, runtime, { parent: this, dependsOn });
  }

  private ready(name: string, args: ModelServiceArgs, served: Served): Readiness {
    const { context, namespace, runtime } = args;
    const { resource, service, kind, deployment, container, expected, revision } = served;
    return new Readiness(
      name,
      {
        context,
        namespace,
        name: args.name,
        kind,
        deployment,
        container,
        service,
        // A proxy that requires a token is in front of the Service, and the API server does not forward such headers.
        viaPod: this.authentication.kind !== "none",
        podPort: port.number,
        ...(this.authentication.kind === "apiKey" ? { apiKeySecret: this.authentication.secret } : {}),
        expected,
        uid: resource.metadata.uid,
        revision,
        timeoutSeconds: secondsToServe(runtime),
      },
      { parent: this, dependsOn: resource },
    );
  }
}
