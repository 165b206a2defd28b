/** Runs the whole program under Pulumi's mocks and returns every resource that it declares. */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import { parse } from "yaml";
import { schema, secrets } from "../../config/schema.ts";
import { alone } from "../alone.ts";
import { canary, computed, digest, type Manifest } from "./computed.ts";
import { type Registration, recordRegistrations } from "./registrations.ts";

export { canary, digest, type Manifest };

export interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly inputs: Manifest;
}

export interface Program {
  readonly resources: readonly Recorded[];
  /** Their parents, dependencies and aliases. */
  readonly registrations: readonly Registration[];
  /** Stack outputs; none in a preview. */
  readonly outputs: Manifest;
}

/** Sets what the stack `dev` leaves to its user. */
function complete(stack: string, config: Manifest): void {
  if (stack !== "dev") return;
  config.kubeContext = "dev";
  config.models[0].source.revision = "b".repeat(40);
  config.imageRegistryPassword = canary;
}

/** All images but one, whose presence alone declares a Task, which needs less restricted pods. */
const imageKeys = Object.keys(schema.in.shape.images.shape).filter((key) => key !== "buildah");

/**
 * The committed config of a stack, completed as a user or `npm start` completes it, and then changed by `edit`. `alone` is the
 * stack `local` with one model that is only served.
 */
export function stackConfig(
  stack: string,
  edit: (config: Manifest) => void = () => {},
): Record<string, string> {
  const read = (file: string) => parse(readFileSync(file, "utf8")) as Manifest;
  const defaults = Object.entries<Manifest>(read("Pulumi.yaml").config).map(([key, { default: value }]) => [
    key,
    value,
  ]);
  const own = Object.entries(read(`Pulumi.${stack === "alone" ? "local" : stack}.yaml`).config).map(
    ([key, value]) => [key.replace("modelcar:", ""), value],
  );
  const images = Object.fromEntries(imageKeys.map((key) => [key, `registry.test/${key}@sha256:${digest}`]));
  const config = Object.fromEntries([...defaults, ...own, ["images", images]]);
  complete(stack, config);
  if (stack === "alone") alone(config);
  edit(config);
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      `modelcar:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/**
 * Mocks must be set before the program is loaded, so the program is loaded here. Resources are added to `resources` as
 * they are declared, so that they can be seen when the program fails.
 */
export async function runProgram(
  stack: string,
  config: Record<string, string>,
  resources: Recorded[] = [],
  /** In a preview: the resources whose outputs are not known yet. Default: no preview. */
  isLater?: (resource: Recorded) => boolean,
): Promise<Program> {
  vi.resetModules();
  vi.doMock("../../components/cluster/index.ts", async () =>
    (await import("./plain-dynamic.ts")).clusterIdentity(),
  );
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        resources.push({ type, name, inputs });
        const later = isLater?.({ type, name, inputs });
        return { id: `${name}-id`, state: { ...inputs, ...(later ? {} : computed(type, inputs)) } };
      },
      call: ({ inputs }) => inputs,
    },
    "modelcar",
    stack,
    isLater !== undefined,
  );
  const registrations: Registration[] = [];
  recordRegistrations((registration) => registrations.push(registration));
  const encrypted = Object.keys(config).filter((key) => key.replace("modelcar:", "") in secrets);
  pulumi.runtime.setAllConfig(config, encrypted);
  const program = await import("../../index.ts");
  // Unknown outputs never resolve.
  const outputs = isLater ? {} : await promiseOf(pulumi.output({ ...program }));
  await pulumi.runtime.disconnect();
  return { resources, registrations, outputs };
}

function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
