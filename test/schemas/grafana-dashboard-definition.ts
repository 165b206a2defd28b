/**
 * A stand-in for the CustomResourceDefinition of the Grafana operator's dashboards, whose module no package registry has. It
 * knows the fields of `grafana.integreatly.org/v1beta1` that this program may use, by the operator's names and rules, and
 * refuses all others.
 */
import type { Manifest } from "../../local/platform/manifests.ts";

const text = { type: "string" };

export const grafanaDashboardDefinition: Manifest = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "grafanadashboards.grafana.integreatly.org" },
  spec: {
    group: "grafana.integreatly.org",
    scope: "Namespaced",
    names: {
      kind: "GrafanaDashboard",
      listKind: "GrafanaDashboardList",
      plural: "grafanadashboards",
      singular: "grafanadashboard",
    },
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["instanceSelector"],
                properties: {
                  instanceSelector: {
                    type: "object",
                    properties: { matchLabels: { type: "object", additionalProperties: text } },
                  },
                  allowCrossNamespaceImport: { type: "boolean" },
                  folder: text,
                  json: text,
                  resyncPeriod: text,
                },
              },
            },
          },
        },
      },
    ],
  },
};
