import type { Properties } from "./properties.ts";

/** The resource that a call is about. */
export interface Resource {
  readonly urn: string;
  /** Type token, for instance `random:index/randomPassword:RandomPassword`. */
  readonly type: string;
  /** The name that the program gave the resource. */
  readonly name: string;
}

/** The result of a check; later calls receive its `inputs`. */
export interface CheckResult {
  readonly inputs: Properties;
  readonly failures?: readonly { readonly property?: string; readonly reason: string }[];
}

export type DiffKind = "add" | "delete" | "update";

/** What an update would change. */
export interface DiffResult {
  /** Property path → kind of change, and whether the change needs a new resource. */
  readonly changes: ReadonlyMap<string, { readonly kind: DiffKind; readonly replace: boolean }>;
}

export interface ResourceState {
  readonly id: string;
  readonly outputs: Properties;
  /** Set by `read` only: the inputs with which the program would declare this resource. */
  readonly inputs?: Properties;
}

/** Options of a call that changes something. */
export interface ChangeOptions {
  readonly preview: boolean;
}

/** A provider, in terms of JSON with secret marks (see `properties.ts`). */
export interface Provider {
  /** The plugin's file name, for messages. */
  readonly plugin: string;
  readonly version: string;
  check(resource: Resource, olds: Properties, news: Properties): Promise<CheckResult>;
  /** `olds` is the resource's old state, `oldInputs` are its inputs at that time. */
  diff(
    resource: Resource,
    id: string,
    olds: Properties,
    oldInputs: Properties,
    news: Properties,
  ): Promise<DiffResult>;
  /** In a preview the id of the result is not used. */
  create(resource: Resource, inputs: Properties, options: ChangeOptions): Promise<ResourceState>;
  /** `undefined` when the resource is gone. */
  read?(
    resource: Resource,
    id: string,
    inputs: Properties,
    state: Properties,
  ): Promise<ResourceState | undefined>;
  update(
    resource: Resource,
    id: string,
    olds: Properties,
    news: Properties,
    options: ChangeOptions,
  ): Promise<Properties>;
  delete(resource: Resource, id: string, state: Properties): Promise<void>;
  /** Cancels pending waits. */
  cancel?(): void;
}
