/** Field ownership of declared objects. */
import * as pulumi from "@pulumi/pulumi";

const annotation = "pulumi.com/patchForce";

/**
 * Makes `up` take back fields of declared objects that somebody else has changed, where server-side apply would otherwise fail
 * with a conflict. An annotation, because every release of the Kubernetes provider supports it; the provider's option
 * `enablePatchForce` came with 4.29.
 */
export const takeFieldsBack: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  if (!type.startsWith("kubernetes:")) return undefined;
  const metadata = merged(props.metadata, (given) => ({
    ...given,
    annotations: merged(given.annotations, (annotations) => ({ ...annotations, [annotation]: "true" })),
  }));
  return { props: { ...props, metadata }, opts };
};

type Fields = Readonly<Record<string, unknown>>;

/** Plain values stay plain: inside an Output, a value that a preview does not know yet would hide its neighbours. */
function merged(given: unknown, change: (fields: Fields) => Fields): pulumi.Input<Fields> {
  return pulumi.Output.isInstance<Fields>(given) ? given.apply(change) : change((given ?? {}) as Fields);
}
