/** The parts of Tekton's v1 API that this program uses. */
import type { Param, Requirements } from "@modelcar/tekton-run";

export interface ParamSpec {
  readonly name: string;
  readonly type?: "string" | "array" | "object";
  readonly description?: string;
  readonly default?: string | readonly string[];
}

/** Fields that a Task's steps share; each step may override them. */
export interface StepTemplate {
  readonly computeResources?: Requirements;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface Step extends StepTemplate {
  readonly name: string;
  readonly image: string;
}

export interface TaskSpec {
  readonly description?: string;
  readonly params?: readonly ParamSpec[];
  readonly results?: readonly { readonly name: string; readonly description?: string }[];
  readonly workspaces?: readonly { readonly name: string; readonly optional?: boolean }[];
  readonly stepTemplate?: StepTemplate;
  readonly steps: readonly Step[];
  readonly [field: string]: unknown;
}

export interface Task {
  readonly apiVersion: "tekton.dev/v1";
  readonly kind: "Task";
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly spec: TaskSpec;
}

export interface WhenExpression {
  readonly input: string;
  readonly operator: "in" | "notin";
  readonly values: readonly string[];
}

export interface PipelineTask {
  readonly name: string;
  readonly taskRef: { readonly kind: "Task"; readonly name: string };
  readonly runAfter?: readonly string[];
  readonly when?: readonly WhenExpression[];
  readonly params: readonly Param[];
  readonly workspaces?: readonly { readonly name: string; readonly workspace: string }[];
  readonly timeout: string;
}

export interface Pipeline {
  readonly apiVersion: "tekton.dev/v1";
  readonly kind: "Pipeline";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly description: string;
    readonly params: readonly ParamSpec[];
    readonly workspaces: readonly {
      readonly name: string;
      readonly description: string;
      readonly optional?: boolean;
    }[];
    readonly tasks: readonly PipelineTask[];
    readonly finally?: readonly PipelineTask[];
    readonly results: readonly {
      readonly name: string;
      readonly description: string;
      readonly value: string;
    }[];
  };
}

/** Fields that the pods of a run's tasks share. */
export type PodTemplate = {
  readonly securityContext: Readonly<Record<string, unknown>>;
  /** Variables of all steps; they override a step's own. */
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  /** Whether the pod gets a token for the Kubernetes API. Default: its service account's choice. */
  readonly automountServiceAccountToken?: boolean;
  /** Addresses of names, for a task that may not query the cluster's DNS. */
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
};

/** A workspace of a run: a volume, or the files of a Secret. */
export type WorkspaceBinding = { readonly name: string } & (
  | { readonly persistentVolumeClaim: { readonly claimName: string } }
  | { readonly secret: { readonly secretName: string } }
);

/** Overrides for a single pipeline task of a run. */
export interface TaskRunSpec {
  readonly pipelineTaskName: string;
  readonly serviceAccountName: string;
  readonly podTemplate?: PodTemplate;
  readonly stepSpecs?: readonly { readonly name: string; readonly computeResources: Requirements }[];
}

/** The `spec` of this program's PipelineRuns. `Text` is the type of params that other resources provide, such as an Output. */
export interface PipelineRunSpec<Text = string> {
  readonly pipelineRef: { readonly name: string };
  readonly params: readonly { readonly name: string; readonly value: Param["value"] | Text }[];
  readonly workspaces: readonly WorkspaceBinding[];
  readonly taskRunTemplate: {
    readonly serviceAccountName: string;
    readonly podTemplate: PodTemplate;
  };
  readonly taskRunSpecs?: readonly TaskRunSpec[];
  readonly timeouts: { readonly pipeline: string; readonly tasks?: string; readonly finally?: string };
}

/** A duration in Go's format ("1h30m0s"), which webhooks leave unchanged. */
export function goDuration(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  return `${hours > 0 ? `${hours}h` : ""}${minutes % 60}m0s`;
}
