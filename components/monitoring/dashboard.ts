/** The objects that deliver the dashboard of a namespace's models to Grafana or to OpenShift's console. */
import { modelsOf, rowsOf, titleOf } from "./panels.ts";

/** To a Grafana whose sidecar reads ConfigMaps, to one of the Grafana operator, or to OpenShift's console. */
export type Delivery = "configMap" | "grafanaOperator" | "openshiftConsole";

const nameOf = (namespace: string): string => `models-of-${namespace}`;
// A sidecar writes the files of all ConfigMaps into one directory.
const fileOf = (namespace: string): string => `${nameOf(namespace)}.json`;

const labels = {
  configMap: { grafana_dashboard: "1" },
  openshiftConsole: {
    "console.openshift.io/dashboard": "true",
    "console.openshift.io/odc-dashboard": "true",
  },
};

/**
 * A ConfigMap that is selected by its labels.
 * @param place Namespace of the ConfigMap, not of the models.
 */
export function dashboardConfigMap<Text>(
  namespace: string,
  delivery: keyof typeof labels,
  place: string,
  json: Text,
) {
  return {
    metadata: { name: nameOf(namespace), namespace: place, labels: labels[delivery] },
    data: { [fileOf(namespace)]: json },
  };
}

/**
 * A GrafanaDashboard for the operator's Grafanas with these labels, in any namespace.
 * @param place Namespace of the GrafanaDashboard, not of the models.
 */
export function grafanaDashboardResource<Text>(
  namespace: string,
  matchLabels: Readonly<Record<string, string>>,
  place: string,
  json: Text,
) {
  return {
    apiVersion: "grafana.integreatly.org/v1beta1",
    kind: "GrafanaDashboard",
    metadata: { name: nameOf(namespace), namespace: place },
    spec: { instanceSelector: { matchLabels }, allowCrossNamespaceImport: true, json },
  };
}

/**
 * The same dashboard for OpenShift's console. It reads Grafana's old format, with rows of panels of type graph and query
 * variables, and ignores what it does not know, such as Grafana's current panels.
 */
export function consoleDashboard(namespace: string) {
  const rows = rowsOf(namespace);
  return {
    title: titleOf(namespace),
    tags: ["vllm"],
    templating: {
      list: [
        { name: "model", type: "query", query: modelsOf(namespace), hide: 0, includeAll: false, options: [] },
      ],
    },
    rows: rows.map((row, above) => ({
      title: row.title,
      showTitle: true,
      collapse: false,
      panels: row.panels.map(({ title, description, unit, series }, index) => ({
        id: 10 * (above + 1) + index,
        type: "graph",
        title,
        description,
        span: 12 / row.panels.length,
        legend: { show: true },
        yaxes: [{ format: unit }],
        targets: series.map(({ expr, legend }) => ({ expr, legendFormat: legend })),
      })),
    })),
  };
}
