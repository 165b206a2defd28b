/** Long waits with a deadline, progress messages and support for Ctrl-C. */
import { onInterruption } from "./interruption.ts";

/** Thrown when the deadline passes. */
export class DeadlineError extends Error {}

export interface Wait {
  /** Aborts when the wait is over. */
  readonly signal: AbortSignal;
  readonly done: () => void;
  /** Ends the wait with an error. Only the first call of done or fail counts. */
  readonly fail: (error: unknown) => void;
}

export interface WaitOptions {
  readonly deadlineSeconds: number;
  /** Prints one line for the user. */
  readonly print: (line: string) => void;
  /** What is currently being waited for, for the deadline's error. */
  readonly state: () => string;
  /** Text of a heartbeat. Default, also if it returns undefined: the state and the elapsed time. */
  readonly heartbeat?: () => string | undefined | Promise<string | undefined>;
  /** Seconds until the first heartbeat; the interval doubles each time, up to five times this. Default 60. */
  readonly heartbeatSeconds?: number;
}

/**
 * Runs `start` until it calls done or fail, throws, the deadline passes, or the user interrupts (InterruptedError); then aborts
 * the signal. Times are by this process's clock, not the server's.
 */
export async function waiting(options: WaitOptions, start: (wait: Wait) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  const after = (seconds: number, action: () => void) => {
    // Node's longest timer is 24.8 days.
    timers.add(setTimeout(action, Math.min(seconds * 1000, 2 ** 31 - 1)));
  };
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const heartbeat = async () =>
    (await options.heartbeat?.()) ?? `${options.state()} (${duration(elapsed())})`;
  const first = options.heartbeatSeconds ?? 60;
  const beat = async (seconds: number) => {
    const line = await heartbeat().catch(() => undefined);
    if (controller.signal.aborted) return;
    if (line) options.print(line);
    const next = Math.min(seconds * 2, first * 5);
    after(next, () => beat(next));
  };
  let forget = () => {};
  try {
    await new Promise<void>((done, fail) => {
      forget = onInterruption((error) => fail(error));
      const message = () => `still not done after ${options.deadlineSeconds} s: ${options.state()}`;
      after(options.deadlineSeconds, () => fail(new DeadlineError(message())));
      after(first, () => beat(first));
      start({ signal: controller.signal, done, fail }).catch(fail);
    });
  } finally {
    forget();
    for (const timer of timers) clearTimeout(timer);
    controller.abort();
  }
}

/** A duration for people: "48 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}
