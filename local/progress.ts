/** A step's name and its expected duration on two cores, from which the time left is computed. */
export interface Step {
  readonly name: string;
  readonly seconds: number;
}

/** Lines on standard output, with the time since the start; no bars, so that it reads the same in a log file. */
export class Progress {
  readonly #start = Date.now();

  say(message: string): void {
    const seconds = Math.round((Date.now() - this.#start) / 1000);
    const clock = `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")}`;
    console.log(`[${clock}] ${message}`);
  }

  /** Runs a step and reports every minute that it is still running. */
  async step<T>(step: Step, work: () => Promise<T>): Promise<T> {
    const start = Date.now();
    const elapsed = () => Math.round((Date.now() - start) / 1000);
    const heartbeat = setInterval(
      () => this.say(`still ${step.name}: ${elapsed()} s of about ${step.seconds} s`),
      60_000,
    );
    try {
      return await work();
    } finally {
      clearInterval(heartbeat);
      if (elapsed() >= 3) this.say(`${step.name}: ${elapsed()} s`);
    }
  }
}

/** Runs steps one after another; the line of each tells how much time is left. */
export async function inSequence(
  progress: Progress,
  lane: string,
  steps: readonly (Step & { readonly work: () => Promise<void> })[],
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const left = steps.slice(index).reduce((sum, { seconds }) => sum + seconds, 0);
    const minutes = left < 60 ? `${left} s` : `${Math.round(left / 60)} min`;
    progress.say(`${lane} ${index + 1}/${steps.length}: ${step.name} (about ${minutes} left for ${lane})`);
    await progress.step(step, step.work);
  }
}
