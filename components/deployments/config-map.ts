/** The ConfigMap that the deploying Tasks mount: templates of what they deploy, and rules for giving up waiting. */
import { rolloutRules } from "@modelcar/kserve-readiness/rules";
import { podRules } from "@modelcar/kubernetes/pods";
import { deploymentsMap } from "../../rules/names.ts";
import { type DeploymentSettings, deploymentTemplates } from "./templates.ts";

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
