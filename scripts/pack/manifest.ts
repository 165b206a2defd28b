/** A package's `package.json` for its tarball. In a checkout it points to TypeScript, which Node does not load from node_modules. */

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Keys that only matter in the checkout. */
const ofTheCheckout = ["private", "//dependencies"];

/** The manifest beside `dist`, to which each `src/x.ts` is compiled. Other exports, such as test helpers, are left out. */
export function publishedManifest(manifest: Manifest): Record<string, unknown> {
  const fields = Object.entries(manifest).filter(([field]) => !ofTheCheckout.includes(field));
  const exports = Object.entries(manifest.exports).flatMap(([name, target]) => {
    const compiled = compiledTarget(target);
    return compiled ? [[name, compiled] as const] : [];
  });
  return { ...Object.fromEntries(fields), exports: Object.fromEntries(exports), files: ["dist"] };
}

function compiledTarget(target: string) {
  const [, path, extension] = /^\.\/src\/(.+)\.(ts|cjs)$/.exec(target) ?? [];
  if (!path) return undefined;
  return extension === "ts"
    ? { types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` }
    : { types: `./dist/${path}.d.cts`, default: `./dist/${path}.cjs` };
}
