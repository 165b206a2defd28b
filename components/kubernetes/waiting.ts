/** What a wait for something slow has: a deadline, and a line now and then that says what it waits for. */

/** Thrown when the deadline passes. */
export class DeadlineError extends Error {}

export interface Wait {
  /** Aborts when the wait is over. */
  readonly signal: AbortSignal;
  readonly done: () => void;
  /** Ends the wait with an error. Of several ends only the first counts. */
  readonly fail: (error: unknown) => void;
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

/** Runs `start` until it calls done or fail, throws, or the deadline passes; then stops whatever listens to the signal. */
export async function waiting(options: WaitOptions, start: (wait: Wait) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const started = Date.now();
  const beat = () => options.print(`${options.state()} (${Math.round((Date.now() - started) / 1000)} s)`);
  const heartbeat = setInterval(beat, (options.heartbeatSeconds ?? 60) * 1000);
  let deadline: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((done, fail) => {
      const message = () => `still not done after ${options.deadlineSeconds} s: ${options.state()}`;
      deadline = setTimeout(() => fail(new DeadlineError(message())), options.deadlineSeconds * 1000);
      start({ signal: controller.signal, done, fail }).catch(fail);
    });
  } finally {
    clearInterval(heartbeat);
    clearTimeout(deadline);
    controller.abort();
  }
}
