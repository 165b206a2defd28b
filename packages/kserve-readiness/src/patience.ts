/** Problems that may pass, and how long they are given to. */

export interface Problem {
  /** What has it: the name of a pod, or of something that makes pods. */
  readonly of: string;
  readonly text: string;
  /** Seconds that it may last. */
  readonly patience: number;
  /** The container whose earlier log tells more. */
  readonly crashed?: string;
}

/** Gives each one's problem the time that it may last; it starts anew with another such time. */
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
