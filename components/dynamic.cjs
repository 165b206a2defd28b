/**
 * Loads the logic of a dynamic provider, by the name that it had as a folder. The texts of providers that state holds call
 * this, so its path and its meaning stay: a stack keeps such a text until the resource changes.
 */
const load = require("@modelcar/kubernetes/provider-module");

/** @param {"cluster" | "pipeline-run" | "readiness"} folder */
module.exports = (folder) => load(() => require(`./${folder}/provider.ts`));
