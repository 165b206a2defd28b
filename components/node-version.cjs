/**
 * Tells a Node that is too old to load TypeScript, in one sentence and before anything of this program is loaded. Plain
 * CommonJS, because an old Node must be able to read it.
 */
const { engines } = require("../package.json");

function nodeProblem(node = process) {
  if (node.features.typescript) return undefined;
  const needed = engines.node.replace(/^>=/, "");
  return (
    `Node ${node.versions.node} (${node.execPath}) cannot load this program: it needs Node ${needed} or newer ` +
    `(of 23, 23.6 or newer). Put such a Node first on PATH; npm ci has put one into node_modules/.bin: ` +
    'export PATH="$PWD/node_modules/.bin:$PATH"'
  );
}

module.exports = { nodeProblem };
