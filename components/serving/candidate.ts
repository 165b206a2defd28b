/** The service that a model is measured in before it is served: the one that it will have, under another name and for nobody else. */
import { candidateName } from "../../rules/candidate.ts";
import { type InferenceServiceSpec, inferenceService } from "./inference-service.ts";

export type CandidateSpec = Omit<
  InferenceServiceSpec,
  "registration" | "route" | "tokenAuth" | "apiKeySecret" | "mesh"
>;

/** One copy, reachable by the tasks that measure it: network policies let in no others, so it asks nobody who they are. */
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
