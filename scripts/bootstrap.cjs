/**
 * Runs a script of this project with the Node that package.json pins, after installing the locked packages if they
 * are missing or old. It is plain CommonJS so that any Node on PATH can run it:
 * `node scripts/bootstrap.cjs <script.ts> [arguments]`.
 */
const { createHash } = require("node:crypto");
const { spawnSync } = require("node:child_process");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { delimiter, join } = require("node:path");

const project = join(__dirname, "..");
const modules = join(project, "node_modules");
const stamp = join(modules, ".installed-lock");
const lock = createHash("sha256")
  .update(readFileSync(join(project, "package-lock.json")))
  .digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  console.log("installing the packages of package-lock.json (about a minute)");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: project,
    stdio: "inherit",
  });
  if (npm.status !== 0) {
    console.error("npm ci failed; the reason is above. Nothing else was done.");
    process.exit(npm.status ?? 1);
  }
  writeFileSync(stamp, lock);
}

// Ctrl-C reaches the script too; this process ends when it has.
const wait = () => {};
process.on("SIGINT", wait);
const bin = join(modules, ".bin");
const [script, ...args] = process.argv.slice(2);
const child = spawnSync(join(bin, "node"), [join(project, script), ...args], {
  stdio: "inherit",
  env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
});
process.off("SIGINT", wait);
// A signal ends this process the way it ended the script.
if (child.signal) process.kill(process.pid, child.signal);
process.exit(child.status ?? 1);
