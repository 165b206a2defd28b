/** The ConfigMap that the Tasks which deploy mount: what they deploy, and when waiting for it is useless. */
import { rolloutRules } from "@modelcar/kserve-readiness/rules";
import { podRules } from "@modelcar/kubernetes/pods";
import { deploymentsMap } from "../../rules/names.ts";
import { type DeploymentSettings, deploymentTemplates } from "./templates.ts";

/** Its files. */
export function deploymentFiles(settings: DeploymentSettings) {
  const rules = { ...podRules, ...rolloutRules };
  return {
    "templates.json": JSON.stringify(deploymentTemplates(settings)),
    "rollout-rules.json": JSON.stringify(rules),
  };
}

export function deploymentsConfigMap(namespace: string, settings: DeploymentSettings) {
  return { metadata: { name: deploymentsMap, namespace }, data: deploymentFiles(settings) };
}
