/**
 * Caches Node's compiled code of a program and its packages in node_modules, which halves the load time of the next command.
 * Does nothing without a writable directory. Plain CommonJS, like its callers.
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
  /** Writes the cache at once, for a process that will be killed. */
  flush: () => flushCompileCache(),
};
