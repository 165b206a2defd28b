import * as pulumi from "@pulumi/pulumi";

/**
 * The options of a component, with its `dependsOn` passed on to all its children and their children. Pulumi passes on providers,
 * but not this. Every component wraps its options with this function, so its resources need not repeat `dependsOn` and cannot
 * omit it.
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
