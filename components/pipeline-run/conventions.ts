import type { Conventions } from "@modelcar/tekton-run";
import { contextKey } from "../shared/context-key.ts";

/** Conventions of this program's runs. Existing runs are found by these labels: another prefix would start them again. */
export const conventions: Conventions = {
  labelPrefix: "modelcar",
  contextKey,
  leftovers: [
    {
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      plural: "inferenceservices",
      // Field manager of the Task deploy-model (tasks/common/serving_objects.py).
      fieldManager: "modelcar-deploy-model",
      // KServe's own label.
      podSelector: "app=isvc.{name}-predictor",
    },
  ],
};
