/** What Pulumi's mocks do not show of a resource: its parent, its dependencies and its aliases. */
import * as pulumi from "@pulumi/pulumi";

export interface Registration {
  readonly urn: string;
  /** URN of the component that it is part of; undefined at the top. */
  readonly parent: string | undefined;
  /** URNs of all resources that must exist before it, with components expanded. */
  readonly dependencies: readonly string[];
  /** URNs under which state may still have it. */
  readonly aliases: readonly string[];
  readonly retainOnDelete: boolean;
  readonly deletedWith: string | undefined;
}

/** The SDK's alias; empty strings mean unset. */
interface AliasSpec {
  getName(): string;
  getType(): string;
  getParenturn(): string;
  getNoparent(): boolean;
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDependenciesList(): string[];
  getAliasesList(): { hasSpec(): boolean; getUrn(): string; getSpec(): AliasSpec }[];
  getRetainondelete(): boolean;
  getDeletedwith(): string;
}

type Answer = (error: unknown, response?: { getUrn(): string }) => void;

interface Monitor {
  newUrn(parent: string, type: string, name: string): string;
  registerResource(request: Request, answer: Answer): Promise<void>;
}

/** The URN that the engine assigns, from a resource's type and those of all its parents except the stack. */
function urnOf(parent: string, type: string, name: string): string {
  const around = parent.split("::")[2] ?? "";
  const within = around === "" || around === "pulumi:pulumi:Stack" ? "" : `${around}$`;
  return [`urn:pulumi:${pulumi.getStack()}`, pulumi.getProject(), within + type, name].join("::");
}

/** Calls `seen` for every resource that is registered from now on. Call it after `setMocks`. */
export function recordRegistrations(seen: (registration: Registration) => void): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  monitor.newUrn = urnOf;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, answer) => {
    const [type, name, parent] = [request.getType(), request.getName(), request.getParent()];
    const before = (spec: AliasSpec) =>
      urnOf(
        spec.getNoparent() ? "" : spec.getParenturn() || parent,
        spec.getType() || type,
        spec.getName() || name,
      );
    seen({
      urn: urnOf(parent, type, name),
      parent: parent || undefined,
      dependencies: request.getDependenciesList(),
      aliases: request
        .getAliasesList()
        .map((alias) => (alias.hasSpec() ? before(alias.getSpec()) : alias.getUrn())),
      retainOnDelete: request.getRetainondelete(),
      deletedWith: request.getDeletedwith() || undefined,
    });
    return register(request, answer);
  };
}
