import { status } from "../engine-log.ts";
import type { Properties } from "../properties.ts";
import { type ChangeOptions, NotReadyError, type Resource, type ResourceState } from "../provider.ts";
import type { Write } from "./apply.ts";
import { waitUntilReady } from "./await.ts";
import { objectId } from "./client.ts";
import type { Kind } from "./kinds.ts";
import { stateOf } from "./state.ts";

const LAST_READ_TIMEOUT_MS = 10_000;

/** Waits until a written object is ready; fails with a `NotReadyError` that carries the state it has. */
export async function awaitReady(
  resource: Resource,
  kind: Kind,
  write: Write,
  live: Properties,
  inputs: Properties,
  options: ChangeOptions,
): Promise<ResourceState> {
  const state = (object: Properties) => ({
    id: objectId(object),
    outputs: stateOf(kind, object, inputs, write.fieldManager),
  });
  let isReported = false;
  const report = (message: string) => {
    isReported = true;
    status(resource.urn, message);
  };
  try {
    const ready = await waitUntilReady(
      { ...write, kind, timeoutSeconds: options.timeoutSeconds, report },
      live,
    );
    if (isReported) report("");
    return state(ready);
  } catch (error) {
    const last = await write.client
      .get(write.reference, AbortSignal.timeout(LAST_READ_TIMEOUT_MS))
      .catch(() => live);
    throw new NotReadyError(
      `the ${kind.kind} ${objectId(live)} is there but did not become ready: ${(error as Error).message}`,
      state(last),
    );
  }
}
