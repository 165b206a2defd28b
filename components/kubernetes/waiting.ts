/** What a wait for something slow has: a deadline, and a line now and then that says what it waits for. */

/** Thrown when the deadline passes. */
export class DeadlineError extends Error {}

export interface Wait {
  readonly signal: AbortSignal;
  /** Ends the wait with a result or an error; only the first call counts. */
  readonly finish: (outcome: { readonly error: unknown } | undefined) => void;
}

export interface WaitOptions {
  readonly deadlineSeconds: number;
  /** One line for the user. */
  readonly print: (line: string) => void;
  /** What is being waited for right now, for the lines and the error. */
  readonly state: () => string;
  /** Default 60. */
  readonly heartbeatSeconds?: number;
}

/** Runs `start` until it calls finish, throws, or the deadline passes; whatever listens to the signal is stopped then. */
export async function waiting(options: WaitOptions, start: (wait: Wait) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const started = Date.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const finish: Wait["finish"] = (outcome) => (outcome ? reject(outcome.error) : resolve());
  const heartbeat = setInterval(
    () => options.print(`${options.state()} (${Math.round((Date.now() - started) / 1000)} s)`),
    (options.heartbeatSeconds ?? 60) * 1000,
  );
  const deadline = setTimeout(() => {
    reject(new DeadlineError(`still not done after ${options.deadlineSeconds} s: ${options.state()}`));
  }, options.deadlineSeconds * 1000);
  try {
    start({ signal: controller.signal, finish }).catch(reject);
    await promise;
  } finally {
    clearInterval(heartbeat);
    clearTimeout(deadline);
    controller.abort();
  }
}
