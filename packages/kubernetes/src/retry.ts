/** Which failures are transient, and how to retry them. */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError } from "./client.ts";

const passingStatuses = new Set([408, 429, 500, 502, 503, 504]);
const passingCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/**
 * Whether a retry can succeed: the server is busy, restarting or cannot reach one of its webhooks (500), or the network
 * failed. A refusal (403, a webhook that denies) and a wrong certificate are permanent.
 */
export function passes(error: unknown): boolean {
  if (error instanceof ApiError) return passingStatuses.has(error.status);
  const { code, name } = error as NodeJS.ErrnoException;
  return passingCodes.has(code ?? "") || name === "TimeoutError" || name === "AbortError";
}

/** Pauses between attempts: doubled each time, with 20 % jitter so that clients do not retry together. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  #nextMs: number;

  constructor(firstMs = 500, mostMs = 15_000) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#nextMs = firstMs;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }

  /** Sleeps, at least for the Retry-After of the error; returns early when `signal` aborts. */
  async pause(error?: unknown, signal?: AbortSignal): Promise<void> {
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const spread = this.#nextMs * (0.8 + Math.random() * 0.4);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#mostMs);
    await sleep(Math.max(asked, spread), undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}

export interface Persistence {
  /** Prints one line for the user when the first attempt fails. */
  readonly print: (line: string) => void;
  /** Default 180. */
  readonly patienceSeconds?: number;
  /** Default 500, doubled each time. */
  readonly pauseMs?: number;
}

/** The result of `attempt`, retried while its failures are transient and patience lasts; then throws the last failure. */
export async function persistently<T>(attempt: () => Promise<T>, options: Persistence): Promise<T> {
  const patienceSeconds = options.patienceSeconds ?? 180;
  const end = performance.now() + patienceSeconds * 1000;
  const backoff = new Backoff(options.pauseMs);
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error) || performance.now() > end) throw error;
      if (failures === 0) {
        options.print(`failed, retrying for up to ${patienceSeconds} s: ${(error as Error).message}`);
      }
      await backoff.pause(error);
    }
  }
}
