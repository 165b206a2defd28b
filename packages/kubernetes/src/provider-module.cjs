/**
 * Loads the logic of a dynamic provider in the process that Pulumi starts for it. Plain CommonJS, so that a Node that is too
 * old can run it and report its version.
 */
const compileCache = require("./compile-cache.cjs");
const { nodeProblem } = require("./node-version.cjs");

/**
 * The module that `load` requires.
 * @template T
 * @param {() => T} load
 * @returns {T}
 */
module.exports = (load) => {
  const problem = nodeProblem();
  // The SDK would also print the stack trace, which does not help users.
  if (problem) throw Object.assign(new Error(problem), { stack: "" });
  compileCache.enable();
  const loaded = load();
  compileCache.flush();
  return loaded;
};
