/**
 * Keeps what Node compiles of a program and its packages beside them, so that the next command spares that work: loading
 * takes about half the time. Without a folder that can be written it does nothing. Plain CommonJS, as what loads it is.
 */
const { existsSync } = require("node:fs");
const { enableCompileCache, flushCompileCache } = require("node:module");
const { join } = require("node:path");

/** Pulumi's processes start in the program's directory. */
const packages = join(process.cwd(), "node_modules");

module.exports = {
  enable: () => {
    // Not the default under /tmp, where another user could put something else to run.
    if (existsSync(packages)) enableCompileCache(join(packages, ".cache/node-compile-cache"));
  },
  /** At once, for a process that is killed rather than ended. */
  flush: () => flushCompileCache(),
};
