import { expect, test } from "vitest";
import { lockedVersions, loosened, readRequirements, repinned } from "./requirements.ts";

const input =
  "# Of tests.\n-r ../tasks/requirements.in\nlm-eval[api,hf]==0.4.13\ntorch==2.13.0\nClick==8.1.0\n";
const lock =
  "click==8.3.1 \\\n    --hash=sha256:aa\nlm-eval==0.5.0 ; python_version > '3' \\\n    --hash=sha256:bb\ntorch==2.13.0\n";

test("pins are loosened as far as their holds permit, and pinned again to the lock's versions", () => {
  expect([...readRequirements(input)]).toEqual([
    ["lm-eval", "0.4.13"],
    ["torch", "2.13.0"],
    ["Click", "8.1.0"],
  ]);
  const holds = { torch: { because: "x" }, Click: { within: "<9", because: "y" } };
  expect(loosened(input, holds)).toBe(
    "# Of tests.\n-r ../tasks/requirements.in\nlm-eval[api,hf]\ntorch==2.13.0\nClick<9\n",
  );
  expect(repinned(input, lock)).toBe(
    "# Of tests.\n-r ../tasks/requirements.in\nlm-eval[api,hf]==0.5.0\ntorch==2.13.0\nClick==8.3.1\n",
  );
  expect(lockedVersions(lock).get("lm-eval")).toBe("0.5.0");
});
