/** The Python half of `npm run format`: Ruff formats it and fixes what it can. */
import { projectDirectory } from "../local/paths.ts";
import { run } from "../local/run.ts";
import { providePythonTools, toolsPython } from "../local/toolchain/python.ts";

await providePythonTools();
for (const command of [["format"], ["check", "--fix"]])
  process.stdout.write(await run(toolsPython, ["-m", "ruff", ...command], { cwd: projectDirectory }));
