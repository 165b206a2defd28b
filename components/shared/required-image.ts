/**
 * An image by its key of `modelcar:images`.
 * @throws Error if it is missing; the checks of the config report that earlier, with the reason.
 */
export function requiredImage<Key extends string>(
  images: { readonly [key in Key]?: string | undefined },
  key: Key,
): string {
  const image = images[key];
  if (!image) throw new Error(`modelcar:images.${key} is missing`);
  return image;
}
