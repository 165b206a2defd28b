/**
 * Keeps what Node compiles of this program and its packages beside them, so that the next command spares that work: loading
 * takes about half the time. Without a folder that can be written it does nothing. Plain CommonJS, as what loads it is.
 */
const { enableCompileCache, flushCompileCache } = require("node:module");
const { join } = require("node:path");

/** Not the default under /tmp, where another user could put something else to run. */
const directory = join(__dirname, "../node_modules/.cache/node-compile-cache");

module.exports = {
  enable: () => void enableCompileCache(directory),
  /** At once, for a process that is killed rather than ended. */
  flush: () => flushCompileCache(),
};
