/** Settings that all models of a program share. Plain data: state holds it with the shim. */
export interface Conventions {
  /**
   * Config key of the stack, such as `my-program:context`, whose value overrides a resource's `context`: people may have different
   * names for one cluster, and `refresh` uses the name in state, which is that of the last `up`. Default: none.
   */
  readonly contextKey?: string;
  /** Init container of Deployments that fetches the model, and its environment variable that names the model. Default: none. */
  readonly fetcher?: { readonly container: string; readonly variable: string };
  /** How to declare a model as stopped, for the message about one that somebody has stopped. Default: not mentioned. */
  readonly toStop?: string;
}
