/** Before the first file of cluster tests: the platform with the stack `local` on it, unless it runs already. */
import { configure, script } from "./platform.ts";

export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if ((await script("local", "status")).status === 0) return undefined;
  configure();
  if ((await script("start")).status !== 0) throw new Error("the platform did not start");
  return async () => {
    await script("local", "delete");
  };
}
