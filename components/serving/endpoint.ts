/** How a model is reached from outside the cluster, and how a mesh treats its calls. */
import { hostLabel, serviceHost } from "../../rules/addresses.ts";

/**
 * All that is exposed of a model, the OpenAI API: vLLM asks for an API key there alone, and its other paths pause the server or
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
  /** Secret with the Ingress's certificate. Default: the controller's own. */
  readonly tlsSecret?: string | undefined;
  /** How long one answer may take. */
  readonly timeoutSeconds: number;
  /** The models' namespace is part of an Istio mesh. */
  readonly mesh: boolean;
}

export interface ExposedModel {
  /** Name of the model. */
  readonly name: string;
  readonly namespace: string;
  readonly service: { readonly name: string; readonly port: number };
  /** No pod runs, so nothing will ever answer behind it. */
  readonly stopped: boolean;
  readonly endpoint: Endpoint;
  /** What is exposed, with all below it. Default: the OpenAI API. */
  readonly path?: string | undefined;
}

/** Host that a model answers at; undefined where the cluster chooses it. */
export function hostOf({ name, namespace, endpoint }: ExposedModel): string | undefined {
  return endpoint.domain && `${hostLabel(name, namespace)}.${endpoint.domain}`;
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
      // The router's own limit of 30 s is shorter than many answers.
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
        // Tokens are to reach the caller one by one.
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
 * In a mesh: how long a call to the model may take, and that no call is made twice. An answer that is streamed or late is not a
 * failure, and a second try would keep the GPUs busy with the same prompt.
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
