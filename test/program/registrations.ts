/** What Pulumi's mocks keep to themselves: where a resource stands, what it waits for, and what it was called before. */
import * as pulumi from "@pulumi/pulumi";

export interface Registration {
  readonly urn: string;
  /** URN of the component that it is part of; undefined at the top. */
  readonly parent: string | undefined;
  /** URNs of all that must be there before it, components taken apart. */
  readonly dependencies: readonly string[];
  /** URNs under which state may still have it. */
  readonly aliases: readonly string[];
  readonly retainOnDelete: boolean;
  readonly deletedWith: string | undefined;
}

/** Of the SDK's alias; empty strings are not set. */
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

/** The URN that the engine gives: of a resource's type and those of all its parents but the stack. */
function urnOf(parent: string, type: string, name: string): string {
  const around = parent.split("::")[2] ?? "";
  const within = around === "" || around === "pulumi:pulumi:Stack" ? "" : `${around}$`;
  return [`urn:pulumi:${pulumi.getStack()}`, pulumi.getProject(), within + type, name].join("::");
}

/** Tells `seen` of every resource that is registered from now on; call it after `setMocks`. */
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
