/** The candidate: the InferenceService that a model is measured with before it is served, under another name. */
import { candidateName } from "../../rules/candidate.ts";
import { type InferenceServiceSpec, inferenceService } from "./inference-service.ts";

export type CandidateSpec = Omit<
  InferenceServiceSpec,
  "registration" | "route" | "tokenAuth" | "apiKeySecret" | "mesh"
>;

/** One copy without authentication: network policies admit only the tasks that measure it. */
export function candidateService({ name, serve, ...spec }: CandidateSpec) {
  return inferenceService({
    ...spec,
    name: candidateName(name),
    serve: { ...serve, replicas: 1, autoscaling: undefined, stopped: false },
    route: false,
    tokenAuth: false,
    mesh: false,
  });
}
