import * as pulumi from "@pulumi/pulumi";

/**
 * Keeps a resource's kubeconfig encrypted in the state, in inputs and outputs. Without a kubeconfig it adds nothing, so that the
 * inputs and options of existing resources do not change.
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
