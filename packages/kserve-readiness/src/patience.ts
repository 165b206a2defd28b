/** Timers for problems that may pass. */

export interface Problem {
  /** Name of the affected pod, or of the object that creates pods. */
  readonly of: string;
  readonly text: string;
  /** Seconds that it may last. */
  readonly patience: number;
  /** The crashed container, whose previous log tells more. */
  readonly crashed?: string;
}

/** Runs a timer for each object's problem; a problem with another duration restarts the timer. */
export function patience(onExpired: (problem: Problem) => void) {
  const timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly patience: number }>();
  const clear = (of: string) => {
    clearTimeout(timers.get(of)?.timer);
    timers.delete(of);
  };
  const patienceFor = (problem: Problem) => {
    if (timers.get(problem.of)?.patience === problem.patience) return;
    clear(problem.of);
    const timer = setTimeout(() => onExpired(problem), problem.patience * 1000);
    timers.set(problem.of, { timer, patience: problem.patience });
  };
  return { clear, patienceFor, stop: () => [...timers.keys()].forEach(clear) };
}
