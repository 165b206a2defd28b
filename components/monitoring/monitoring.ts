import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Thresholds } from "../../plan/monitoring.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import {
  consoleDashboard,
  type Delivery,
  dashboardConfigMap,
  grafanaDashboardResource,
} from "./dashboard.ts";
import { type AlertedModel, prometheusRule } from "./rules.ts";

type Labels = Readonly<Record<string, string>>;

export interface MonitoringArgs {
  /** Namespace of the models. */
  readonly namespace: string;
  /** Models to alert on. */
  readonly models: readonly (AlertedModel & { readonly thresholds: Thresholds })[];
  /** Labels by which the cluster's Prometheus selects rules. Default: none. */
  readonly labels?: Labels | undefined;
  /** Default: no dashboard. */
  readonly dashboard?: Dashboard | undefined;
}

interface Dashboard {
  readonly delivery: Delivery;
  /** Namespace of its object. */
  readonly namespace: string;
  /** Labels of the Grafana that the operator adds it to. */
  readonly grafanaLabels: Labels;
}

/** Alerts on the served models, and a dashboard. Each model declares its own ServiceMonitor. */
export class Monitoring extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:Monitoring", name, {}, inheritedDependsOn(opts));
    const child = { parent: this };
    for (const { thresholds, ...model } of args.models) {
      const rule = prometheusRule(model, thresholds, args.labels);
      new k8s.apiextensions.CustomResource(`${model.name}-alerts`, rule, child);
    }
    if (args.dashboard) declare(`${name}-dashboard`, args.namespace, args.dashboard, child);
    this.registerOutputs({});
  }
}

function declare(
  name: string,
  models: string,
  { delivery, namespace, grafanaLabels }: Dashboard,
  child: pulumi.CustomResourceOptions,
): pulumi.Resource {
  if (delivery === "openshiftConsole") {
    const json = text(consoleDashboard(models));
    return new k8s.core.v1.ConfigMap(name, dashboardConfigMap(models, delivery, namespace, json), child);
  }
  // Grafana's library is slow to load; only stacks with its dashboard load it.
  const library = import("./grafana.ts");
  const json = pulumi.output(library.then(({ grafanaDashboard }) => text(grafanaDashboard(models))));
  if (delivery === "configMap") {
    return new k8s.core.v1.ConfigMap(name, dashboardConfigMap(models, delivery, namespace, json), child);
  }
  const resource = grafanaDashboardResource(models, grafanaLabels, namespace, json);
  return new k8s.apiextensions.CustomResource(name, resource, {
    ...child,
    // The field is immutable, and the new object has the same name.
    replaceOnChanges: ["spec.instanceSelector"],
    deleteBeforeReplace: true,
  });
}

const text = (dashboard: object): string => `${JSON.stringify(dashboard, undefined, 2)}\n`;
