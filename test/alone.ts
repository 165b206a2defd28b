/**
 * The stack `local` with one model that is only imported and served, for tests of everything else: it needs none of the images
 * that compress, evaluate and measure.
 */

/** Changes the stack's config. Its keys may be prefixed with the project's name, as in its file. */
// biome-ignore lint/suspicious/noExplicitAny: config as YAML has it.
export function alone(config: any): void {
  const key = (name: string) => (`modelcar:${name}` in config ? `modelcar:${name}` : name);
  const models: { test?: { base?: string } }[] = config[key("models")];
  config[key("models")] = models.filter(({ test }) => test?.base === undefined);
  for (const model of models) delete model.test;
  delete config[key("project")];
  delete config[key("imageRegistry")];
}
