/** Where state enters: the provider's text names this file. */
const load = require("@modelcar/kubernetes/provider-module");

/**
 * The provider under a program's conventions.
 * @param {string} conventions as JSON
 */
module.exports = (conventions) =>
  load(() => require("./provider.ts")).pipelineRunProvider(JSON.parse(conventions));
