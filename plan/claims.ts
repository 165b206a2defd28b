/** Claims that are kept when the stack is destroyed. */
import type { Config } from "../config/config.ts";
import { chatName, sharedClaim } from "../rules/names.ts";

/** Names of the kept claims. */
export function keptClaims({ storage, models, chat }: Pick<Config, "storage" | "models" | "chat">): string[] {
  const ofModels = models.flatMap(({ source, package: packaging }) =>
    "huggingFace" in source && packaging.kind === "pvc" && packaging.retain ? [packaging.claim] : [],
  );
  return [...(storage.retain ? [sharedClaim] : []), ...ofModels, ...(chat?.retain ? [chatName] : [])];
}
