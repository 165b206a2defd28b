import type { Conventions } from "@modelcar/kserve-readiness";
import { fetcher } from "../serving/fetcher.ts";
import { contextKey } from "../shared/context-key.ts";

/** What Readiness needs to know about how this program serves models. */
export const conventions: Conventions = {
  contextKey,
  fetcher,
  toStop: "set its serve.stopped to true",
};
