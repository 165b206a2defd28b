/**
 * Loads the logic of a dynamic provider in the process that Pulumi starts for it. Plain CommonJS, so that a Node that is too
 * old says so.
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
  // The SDK prints the stack beside the message; there is nothing in it for people.
  if (problem) throw Object.assign(new Error(problem), { stack: "" });
  compileCache.enable();
  const loaded = load();
  compileCache.flush();
  return loaded;
};
