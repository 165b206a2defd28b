import type { Conventions } from "@modelcar/tekton-run";
import { contextKey } from "../shared/context-key.ts";

/** What this program's runs are known by. Runs of existing stacks are found by these labels: another prefix would start them anew. */
export const conventions: Conventions = {
  labelPrefix: "modelcar",
  contextKey,
  leftovers: [
    {
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      plural: "inferenceservices",
      // As Task deploy-model names itself (tasks/common/serving_objects.py).
      fieldManager: "modelcar-deploy-model",
      // KServe's own label.
      podSelector: "app=isvc.{name}-predictor",
    },
  ],
};
