/**
 * Tells a Node that cannot load what comes next, in one sentence and before it tries. Plain CommonJS, because an old Node must
 * be able to read it.
 */
const { basename } = require("node:path");
const { engines } = require("../package.json");

/** In a checkout TypeScript is loaded as it is; in a packed package there is none. */
const isCompiled = basename(__dirname) === "dist";

/**
 * Why this Node cannot: what was found, what is needed, what to do. Undefined where it can.
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

/** Whether it does so without a flag: from 22.18, of 23 from 23.6 (https://nodejs.org/api/typescript.html). */
function loadsTypeScript(/** @type {string} */ version) {
  const [major, minor] = version.split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

module.exports = { nodeProblem };
