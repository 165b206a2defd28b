/** The ConfigMap that the Tasks which deploy mount: what they deploy, and when waiting for it is useless. */
import { deploymentsMap } from "../../plan/names.ts";
import { podRules } from "../kubernetes/pods.ts";
import { refusals } from "../readiness/complaints.ts";
import { rolloutRules } from "../readiness/rollout.ts";
import { type DeploymentSettings, deploymentTemplates } from "./templates.ts";

/** Its files. */
export function deploymentFiles(settings: DeploymentSettings) {
  const rules = { ...podRules, ...rolloutRules, refusals: [...refusals] };
  return {
    "templates.json": JSON.stringify(deploymentTemplates(settings)),
    "rollout-rules.json": JSON.stringify(rules),
  };
}

export function deploymentsConfigMap(namespace: string, settings: DeploymentSettings) {
  return { metadata: { name: deploymentsMap, namespace }, data: deploymentFiles(settings) };
}
