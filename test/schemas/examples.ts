/**
 * A valid object of each kind that a stack may declare, so that the schemas of these kinds are tested whatever the stacks of
 * this repository declare.
 */
import { dashboardConfigMap, grafanaDashboardResource } from "../../components/monitoring/dashboard.ts";
import { prometheusRule } from "../../components/monitoring/rules.ts";
import type { Manifest } from "../../local/platform/manifests.ts";

const namespace = "private-ai-demo";
const metadata = { name: "mistral-24b", namespace, labels: { "app.kubernetes.io/name": "mistral-24b" } };
const predictor = "mistral-24b-predictor";
const digest = `@sha256:${"a".repeat(64)}`;

const podTemplate = {
  metadata: { labels: metadata.labels },
  spec: {
    serviceAccountName: "modelcar-serving",
    initContainers: [{ name: "oras", image: `registry.test/oras${digest}`, command: ["oras", "pull"] }],
    containers: [
      {
        name: "vllm",
        image: `registry.test/vllm${digest}`,
        env: [{ name: "HF_HOME", value: "/tmp" }],
        ports: [{ containerPort: 8080 }],
        resources: {
          requests: { cpu: "6", memory: "16Gi", "nvidia.com/gpu": "1" },
          limits: { cpu: "6", memory: "16Gi", "nvidia.com/gpu": "1" },
        },
        volumeMounts: [{ name: "cache", mountPath: "/mnt/models" }],
      },
    ],
    volumes: [{ name: "cache", persistentVolumeClaim: { claimName: "mistral-24b-cache" } }],
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
    nodeSelector: { "node.kubernetes.io/instance-type": "g6.4xlarge" },
  },
};

/** As a model without gates has them. */
export const thresholds = {
  queuedRequests: 10,
  kvCacheUsage: 0.95,
  preemptionsPerRequest: 0.1,
  ttftMsP95: 2000,
  itlMsP95: 100,
  errorRate: 0.05,
  notReadyMinutes: 15,
};

export const examples: readonly Manifest[] = [
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata,
    spec: {
      podSelector: { matchLabels: metadata.labels },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "openshift-ingress" } } },
          ],
          ports: [{ port: 8080, protocol: "TCP" }],
        },
      ],
      egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.0/8"] } }], ports: [{ port: 443 }] }],
    },
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata,
    rules: [
      {
        apiGroups: [""],
        resources: ["services"],
        resourceNames: ["private-ai-model-registry"],
        verbs: ["get"],
      },
    ],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
    subjects: [{ kind: "ServiceAccount", name: "modelcar-pipeline", namespace }],
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { selector: { matchLabels: metadata.labels }, template: podTemplate },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata,
    spec: {
      ingressClassName: "nginx",
      tls: [{ hosts: ["mistral-24b.test"], secretName: "mistral-24b-tls" }],
      rules: [
        {
          host: "mistral-24b.test",
          http: {
            paths: [
              {
                path: "/",
                pathType: "Prefix",
                backend: { service: { name: predictor, port: { number: 80 } } },
              },
            ],
          },
        },
      ],
    },
  },
  {
    apiVersion: "route.openshift.io/v1",
    kind: "Route",
    metadata: { ...metadata, annotations: { "haproxy.router.openshift.io/timeout": "600s" } },
    spec: {
      to: { kind: "Service", name: predictor, weight: 100 },
      port: { targetPort: "http" },
      tls: { termination: "edge", insecureEdgeTerminationPolicy: "Redirect" },
    },
  },
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata,
    spec: {
      parentRefs: [{ name: "gateway", namespace: "gateways" }],
      hostnames: ["mistral-24b.test"],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: [{ name: predictor, port: 80 }],
          timeouts: { request: "600s" },
        },
      ],
    },
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata,
    spec: {
      hosts: [predictor],
      http: [
        {
          timeout: "600s",
          retries: { attempts: 0 },
          route: [{ destination: { host: predictor, port: { number: 80 } } }],
        },
      ],
    },
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata,
    spec: {
      host: predictor,
      trafficPolicy: {
        loadBalancer: { simple: "LEAST_REQUEST" },
        connectionPool: { tcp: { maxConnections: 256 }, http: { maxRequestsPerConnection: 0 } },
      },
    },
  },
  {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata,
    spec: {
      selector: { matchLabels: { "serving.kserve.io/inferenceservice": metadata.name } },
      endpoints: [{ port: "http", path: "/metrics", interval: "15s", scheme: "http" }],
    },
  },
  prometheusRule({ name: metadata.name, namespace, deployment: predictor }, thresholds, {
    release: "prometheus",
  }),
  grafanaDashboardResource(namespace, { dashboards: "grafana" }, "grafana", "{}"),
  { apiVersion: "v1", kind: "ConfigMap", ...dashboardConfigMap(namespace, "configMap", "grafana", "{}") },
  {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: predictor },
      minReplicaCount: 1,
      maxReplicaCount: 3,
      triggers: [
        {
          type: "prometheus",
          metadata: {
            serverAddress: "https://thanos-querier.openshift-monitoring.svc:9092",
            query: "sum(vllm:num_requests_waiting)",
            threshold: "5",
            authModes: "bearer",
          },
          authenticationRef: { name: "prometheus" },
        },
      ],
    },
  },
  {
    apiVersion: "keda.sh/v1alpha1",
    kind: "TriggerAuthentication",
    metadata: { ...metadata, name: "prometheus" },
    spec: { secretTargetRef: [{ parameter: "bearerToken", name: "prometheus-token", key: "token" }] },
  },
  {
    apiVersion: "modelregistry.opendatahub.io/v1beta1",
    kind: "ModelRegistry",
    metadata: { ...metadata, name: "private-ai-model-registry" },
    spec: {
      rest: { port: 8080, serviceRoute: "disabled" },
      grpc: { port: 9090 },
      mysql: {
        host: "model-registry-db",
        port: 3306,
        database: "model_registry",
        username: "registry",
        passwordSecret: { name: "model-registry-db", key: "password" },
      },
      kubeRBACProxy: {},
    },
  },
];
