/** Before the first file of cluster tests: the stack `local` with its one model, on the platform that runs or on a new one. */
import { configure, script } from "./platform.ts";

export async function setup(): Promise<void> {
  configure();
  if ((await script("start")).status !== 0) throw new Error("the platform did not start");
}
