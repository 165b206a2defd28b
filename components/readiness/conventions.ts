import type { Conventions } from "@modelcar/kserve-readiness";
import { fetcher } from "../serving/fetcher.ts";
import { contextKey } from "../shared/context-key.ts";

/** How this program serves models, as far as waiting for one has to know it. */
export const conventions: Conventions = {
  contextKey,
  fetcher,
  toStop: "set its serve.stopped to true",
};
