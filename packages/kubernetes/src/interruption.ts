/**
 * Notices Ctrl-C in the process of a dynamic provider. At the first one the engine calls `Cancel`, which the SDK answers
 * without telling the provider; this module sees it on Node's diagnostics channel (Node 24; older versions ignore the first
 * Ctrl-C). At the second one, or when the CLI is terminated, the process gets SIGINT and has five seconds left.
 */
import { subscribe } from "node:diagnostics_channel";

/** Thrown by a wait that the user has interrupted. */
export class InterruptedError extends Error {
  constructor() {
    super("interrupted");
  }
}

const cancelPath = "/pulumirpc.ResourceProvider/Cancel";
/** Lets pending responses reach the engine. */
const farewellMs = 300;

type Listener = (error: InterruptedError) => void;
const listeners = new Set<Listener>();
let interrupted = false;
let ending = false;
let operations = 0;
let listening = false;

/** Calls `listener` when the user interrupts, at once if that has already happened. Returns a function that removes it. */
export function onInterruption(listener: Listener): () => void {
  if (interrupted) listener(new InterruptedError());
  else listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Runs a provider's operation so that Ctrl-C ends its waits, and the process exits only after the operation. */
export async function interruptible<T>(operation: () => Promise<T>): Promise<T> {
  listen();
  operations++;
  try {
    return await operation();
  } finally {
    operations--;
    if (ending) endWhenIdle();
  }
}

/** Ends all waits, as Ctrl-C does; exported for tests. */
export function interrupt(): void {
  interrupted = true;
  for (const listener of [...listeners]) listener(new InterruptedError());
  listeners.clear();
}

function listen(): void {
  if (listening) return;
  listening = true;
  subscribe("http2.server.stream.start", (message) => {
    const { headers } = message as { headers?: Record<string, unknown> };
    if (headers?.[":path"] === cancelPath) interrupt();
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      ending = true;
      interrupt();
      endWhenIdle();
    });
  }
}

function endWhenIdle(): void {
  if (operations === 0) setTimeout(() => process.exit(130), farewellMs);
}
