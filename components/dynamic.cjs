/**
 * Loads the logic of a dynamic provider, by the name of its folder. The texts of providers that state holds call this, so
 * its path and its meaning stay. Plain CommonJS, so that a Node that is too old says so.
 */
const compileCache = require("./compile-cache.cjs");
const { nodeProblem } = require("./node-version.cjs");

/** @param {string} folder */
module.exports = (folder) => {
  const problem = nodeProblem();
  // The SDK prints the stack beside the message; there is nothing in it for people.
  if (problem) throw Object.assign(new Error(problem), { stack: "" });
  compileCache.enable();
  const provider = require(`./${folder}/provider.ts`);
  compileCache.flush();
  return provider;
};
