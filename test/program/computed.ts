/** What providers add to the inputs of the resources that the program declares, in tests without providers. */

export const digest = "c".repeat(64);
/** Stands for every generated or configured secret; must only appear in Secrets. */
export const canary = "canary-of-all-secrets";

// biome-ignore lint/suspicious/noExplicitAny: recorded manifests are of any kind
export type Manifest = any;

/** What a provider would add to a resource's inputs. */
export function computed(type: string, inputs: Manifest): Manifest {
  if (type === "random:index/randomPassword:RandomPassword") return { result: canary };
  if (type.startsWith("kubernetes:")) return { metadata: { uid: "uid", ...inputs.metadata } };
  if (type.endsWith(":PipelineRun")) {
    const names = ["revision", "registered-model-id", "model-version-id", "manifest-digest", "total-bytes"];
    return {
      name: `${inputs.prefix}-run`,
      results: {
        ...Object.fromEntries(names.map((name) => [name, `${name} of ${inputs.prefix}`])),
        "storage-uri": `oci://registry.test/${inputs.prefix}@sha256:${digest}`,
      },
    };
  }
  if (type.endsWith(":Readiness")) return { url: `http://${inputs.service.name}.${inputs.namespace}` };
  return {};
}
