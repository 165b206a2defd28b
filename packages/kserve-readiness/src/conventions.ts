/** What a program has in common for all models that it serves. Plain data: state holds it with the shim. */
export interface Conventions {
  /**
   * Config key of the stack, such as `my-program:context`, whose value comes before a resource's own `context`: people may call
   * one cluster by different names, and `refresh` goes by state, which has the name of the last `up`. Default: none.
   */
  readonly contextKey?: string;
  /** Init container of Deployments that fetches the model, and the variable that names the model. Default: there is none. */
  readonly fetcher?: { readonly container: string; readonly variable: string };
  /** How a model is declared as stopped, for the message about one that somebody has stopped. Default: nothing is said of it. */
  readonly toStop?: string;
}
