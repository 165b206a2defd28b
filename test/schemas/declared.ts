/** Every Kubernetes object that a stack declares, as the API server receives it, including the runs of its pipelines. */

import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { runToSuccess } from "@modelcar/tekton-run/runs";
import * as pulumi from "@pulumi/pulumi";
import { conventions } from "../../components/pipeline-run/conventions.ts";
import { type Manifest, type Recorded, runProgram, stackConfig } from "../program/record.ts";

/** The stacks whose config is in this repository. */
export const stacks = ["dev", "local"] as const;
export type Stack = (typeof stacks)[number];

/**
 * All objects of a stack, with its config changed by `edit`. The caller replaces dynamic resources by plain ones (test/program/plain-dynamic.ts).
 * @throws Error if a resource of the Kubernetes provider has no kind.
 */
export async function declaredObjects(
  stack: Stack | "alone",
  edit?: (config: Manifest) => void,
): Promise<Manifest[]> {
  const { resources } = await runProgram(stack, stackConfig(stack, edit));
  const runs = await Promise.all(resources.filter(isRun).map(({ inputs }) => startedRun(inputs)));
  return [...resources.filter(isObject).map(toObject), ...runs];
}

const isRun = ({ type }: Recorded): boolean => type.endsWith(":PipelineRun");
const isObject = ({ type }: Recorded): boolean => type.startsWith("kubernetes:");

function toObject({ type, name, inputs }: Recorded): Manifest {
  if (typeof inputs.apiVersion !== "string" || typeof inputs.kind !== "string")
    throw new Error(`resource ${name} (${type}) declares an object without apiVersion or kind`);
  // A field that is undefined is not sent.
  return JSON.parse(JSON.stringify(inputs, (_, value) => result(unwrapped(value))));
}

/** The recorder gives results of runs as descriptions; the registry's ids, which end up in labels, are numbers. */
function result(value: Manifest): Manifest {
  return typeof value === "string" && /^[a-z-]+-id of /.test(value) ? "1" : value;
}

/** Pulumi wraps a secret in an envelope, which its engine opens for the provider. */
function unwrapped(value: Manifest): Manifest {
  const isSecret = value?.[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig;
  return isSecret ? value.value : value;
}

type RunInputs = Parameters<typeof runToSuccess>[1];

/** What the provider of pipeline runs sends to the API server: it starts the run on a server that only listens. */
async function startedRun(inputs: RunInputs): Promise<Manifest> {
  const api = await FakeApi.start();
  try {
    return await new Promise((resolve, reject) => {
      api.intercept = (request, response, body) => {
        if (request.method !== "POST") return false;
        resolve(body);
        response.writeHead(403).end(JSON.stringify({ message: "this server only listens" }));
        return true;
      };
      runToSuccess(
        { cluster: api.cluster(), namespace: inputs.namespace, conventions, print: () => {} },
        inputs,
      ).then(() => reject(new Error(`${inputs.prefix}: no run was started`)), reject);
    });
  } finally {
    await api.stop();
  }
}
