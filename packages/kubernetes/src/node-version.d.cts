/** The part of `process` that is looked at. */
export interface NodeProcess {
  readonly versions: { readonly node: string };
  readonly features: object;
  readonly execPath: string;
}
/** Why this Node cannot run the program: what was found, what is needed, what to do. Undefined where it can. */
export function nodeProblem(node?: NodeProcess): string | undefined;
