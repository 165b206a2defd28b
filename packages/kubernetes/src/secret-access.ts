import * as pulumi from "@pulumi/pulumi";

/**
 * Keeps a resource's kubeconfig encrypted in the state, among its inputs and its outputs. Without one nothing is added, so that
 * resources of before have the same inputs and options.
 */
export function secretAccess(
  kubeconfig: pulumi.Input<string | undefined>,
  options: pulumi.CustomResourceOptions | undefined,
) {
  if (kubeconfig === undefined) return { access: {}, options };
  return {
    access: { kubeconfig: pulumi.secret(kubeconfig) },
    options: pulumi.mergeOptions(options, { additionalSecretOutputs: ["kubeconfig"] }),
  };
}
