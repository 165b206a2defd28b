/** Manifests that expose a model outside the cluster, and that add it to a mesh. */
import { serviceHost } from "../../rules/addresses.ts";
import { externalHost } from "../../rules/exposure.ts";

/**
 * The only exposed path of a model, the OpenAI API: vLLM checks API keys only there, and its other paths pause the server or
 * show its metrics.
 */
const apiPath = "/v1";

/** `modelcar:endpoint` of the config. */
export interface Endpoint {
  readonly exposure: "none" | "route" | "ingress" | "gateway";
  /** Models answer at <model>-<namespace>.<domain>. Default for routes: the cluster's own domain. */
  readonly domain?: string | undefined;
  readonly ingressClass?: string | undefined;
  /** The Gateway that routes are attached to. */
  readonly gateway?: { readonly name: string; readonly namespace: string } | undefined;
  /** Secret with the Ingress's certificate. Default: the controller's. */
  readonly tlsSecret?: string | undefined;
  /** Timeout of one answer. */
  readonly timeoutSeconds: number;
  /** The models' namespace is part of an Istio mesh. */
  readonly mesh: boolean;
}

export interface ExposedModel {
  /** Name of the model. */
  readonly name: string;
  readonly namespace: string;
  readonly service: { readonly name: string; readonly port: number };
  /** No pod runs, so no endpoint will become ready. */
  readonly stopped: boolean;
  readonly endpoint: Endpoint;
  /** Prefix of the exposed paths. Default: /v1, the OpenAI API. */
  readonly path?: string | undefined;
}

/** Host of a model; undefined if the cluster chooses it. */
export function hostOf({ name, namespace, endpoint }: ExposedModel): string | undefined {
  return externalHost(name, namespace, endpoint.domain);
}

/** OpenShift's Route: TLS ends at the router, which speaks HTTP/1.1 to the model. */
export function route(model: ExposedModel) {
  const { service, endpoint } = model;
  const host = hostOf(model);
  return {
    apiVersion: "route.openshift.io/v1",
    kind: "Route",
    metadata: {
      ...metadata(model),
      // The router's default timeout, 30 s, is too short for many answers.
      annotations: { "haproxy.router.openshift.io/timeout": `${endpoint.timeoutSeconds}s` },
    },
    spec: {
      ...(host ? { host } : {}),
      path: model.path ?? apiPath,
      to: { kind: "Service", name: service.name, weight: 100 },
      port: { targetPort: "http" },
      tls: { termination: "edge", insecureEdgeTerminationPolicy: "Redirect" },
      wildcardPolicy: "None",
    },
  };
}

/** An Ingress. Timeouts are those of ingress-nginx; other controllers ignore its annotations and have their own. */
export function ingress(model: ExposedModel) {
  const { service, endpoint, stopped, path = apiPath } = model;
  const host = needed(hostOf(model), "domain");
  const seconds = String(endpoint.timeoutSeconds);
  const backend = { service: { name: service.name, port: { number: service.port } } };
  return {
    metadata: {
      ...metadata(model),
      annotations: {
        "nginx.ingress.kubernetes.io/proxy-read-timeout": seconds,
        "nginx.ingress.kubernetes.io/proxy-send-timeout": seconds,
        // Stream tokens to the caller one by one.
        "nginx.ingress.kubernetes.io/proxy-buffering": "off",
        ...(stopped ? { "pulumi.com/skipAwait": "true" } : {}),
      },
    },
    spec: {
      ...(endpoint.ingressClass ? { ingressClassName: endpoint.ingressClass } : {}),
      tls: [{ hosts: [host], ...(endpoint.tlsSecret ? { secretName: endpoint.tlsSecret } : {}) }],
      rules: [{ host, http: { paths: [{ path, pathType: "Prefix", backend }] } }],
    },
  };
}

/** A route of the Gateway API. TLS is the Gateway's. */
export function httpRoute(model: ExposedModel) {
  const { service, endpoint } = model;
  const { name, namespace } = needed(endpoint.gateway, "gateway");
  const limit = `${endpoint.timeoutSeconds}s`;
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: metadata(model),
    spec: {
      parentRefs: [{ name, namespace }],
      hostnames: [needed(hostOf(model), "domain")],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: model.path ?? apiPath } }],
          backendRefs: [{ name: service.name, port: service.port }],
          timeouts: { request: limit, backendRequest: limit },
        },
      ],
    },
  };
}

/**
 * In a mesh: the timeout of a call to the model, and no retries. A streamed or slow answer is not a failure, and a retry would
 * keep the GPUs busy with the same prompt.
 */
export function virtualService(model: ExposedModel) {
  const host = serviceHost(model.service.name, model.namespace);
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: metadata(model),
    spec: {
      hosts: [host],
      http: [
        {
          timeout: `${model.endpoint.timeoutSeconds}s`,
          retries: { attempts: 0 },
          route: [{ destination: { host, port: { number: model.service.port } } }],
        },
      ],
    },
  };
}

/** In a mesh: calls to the model use mutual TLS with the mesh's own certificates. */
export function destinationRule(model: ExposedModel) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: metadata(model),
    spec: {
      host: serviceHost(model.service.name, model.namespace),
      trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } },
    },
  };
}

function metadata({ name, namespace }: ExposedModel) {
  return { name, namespace, labels: { "app.kubernetes.io/name": name } };
}

function needed<T>(value: T | undefined, key: keyof Endpoint): T {
  if (value === undefined) throw new Error(`modelcar:endpoint.${key} is missing`);
  return value;
}
