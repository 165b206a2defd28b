/**
 * Reports a Node version that cannot load the program, before it tries. Plain CommonJS, so that an old Node can run it.
 */
const { basename } = require("node:path");
const { engines } = require("../package.json");

/** A checkout loads TypeScript directly; a packed package contains none. */
const isCompiled = basename(__dirname) === "dist";

/**
 * Why this Node cannot load the program: what was found, what is needed, what to do. Undefined if it can.
 * @param {{ versions: { node: string }, features: { typescript?: unknown }, execPath: string }} node
 * @returns {string | undefined}
 */
function nodeProblem(node = process) {
  if (isCompiled ? loadsTypeScript(node.versions.node) : node.features.typescript) return undefined;
  if (loadsTypeScript(node.versions.node)) {
    return (
      `Node ${node.versions.node} (${node.execPath}) cannot load this program: TypeScript is switched off. ` +
      "Remove --no-experimental-strip-types (or --no-strip-types) from NODE_OPTIONS"
    );
  }
  const needed = engines.node.replace(/^>=/, "");
  return (
    `Node ${node.versions.node} (${node.execPath}) cannot load this program: it needs Node ${needed} or newer ` +
    `(of 23, 23.6 or newer). Put such a Node first on PATH; npm ci has put one into node_modules/.bin: ` +
    'export PATH="$PWD/node_modules/.bin:$PATH"'
  );
}

/** Whether it does so without a flag: 22.18 and newer, except 23.0 to 23.5 (https://nodejs.org/api/typescript.html). */
function loadsTypeScript(/** @type {string} */ version) {
  const [major, minor] = version.split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

module.exports = { nodeProblem };
