/**
 * Ctrl-C, as a process of a dynamic provider can learn of it. The engine calls `Cancel` at the first one, which the SDK
 * answers without telling the provider; it is seen here on Node's diagnostics channel (Node 24; without it nothing happens
 * at the first). At the second, or when the CLI is terminated, the process gets SIGINT and five seconds.
 */
import { subscribe } from "node:diagnostics_channel";

/** Thrown by a wait that the user has ended. */
export class InterruptedError extends Error {
  constructor() {
    super("interrupted");
  }
}

const cancelPath = "/pulumirpc.ResourceProvider/Cancel";
/** Answers that are on their way to the engine still get there. */
const farewellMs = 300;

type Listener = (error: InterruptedError) => void;
const listeners = new Set<Listener>();
let interrupted = false;
let ending = false;
let operations = 0;
let listening = false;

/** Calls `listener` when the user interrupts, at once if that has happened; returns what takes the listener away. */
export function onInterruption(listener: Listener): () => void {
  if (interrupted) listener(new InterruptedError());
  else listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Runs an operation of a provider such that its waits end at Ctrl-C, and the process ends only after it when it has to. */
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

/** What Ctrl-C does; exported for tests. */
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
