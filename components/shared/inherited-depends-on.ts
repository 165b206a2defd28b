import * as pulumi from "@pulumi/pulumi";

/**
 * The options of a component, with `dependsOn` for all that it is made of: what it declares, and what its parts declare, waits
 * for what the component was told to wait for. Pulumi hands providers on, but not this. Every component passes its options
 * through here, so none of its resources has to say it again, nor can leave it out.
 */
export function inheritedDependsOn(
  opts: pulumi.ComponentResourceOptions = {},
): pulumi.ComponentResourceOptions {
  const { dependsOn, transformations = [] } = opts;
  if (dependsOn === undefined) return opts;
  const wait: pulumi.ResourceTransformation = ({ props, opts: own }) => ({
    props,
    opts: { ...own, ...pulumi.mergeOptions({ dependsOn: own.dependsOn ?? [] }, { dependsOn }) },
  });
  return { ...opts, transformations: [...transformations, wait] };
}
