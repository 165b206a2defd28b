import { expect, test, vi } from "vitest";
import { duration, waiting } from "./waiting.ts";

const never = async () => {};

test("heartbeats come at growing intervals, and a failing one prints nothing", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const lines: string[] = [];
  let beats = 0;
  const heartbeat = async () => {
    if (++beats === 2) throw new Error("no log");
    return `beat ${beats}`;
  };
  const options = {
    deadlineSeconds: 3600,
    print: (line: string) => lines.push(line),
    state: () => "s",
    heartbeat,
  };
  const wait = waiting(options, never).catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(lines).toEqual(["beat 1", "beat 3"]);
  await vi.advanceTimersByTimeAsync(3_000_000);
  expect(await wait).toBe("still not done after 3600 s: s");
  vi.useRealTimers();
});

test.each([
  [48.4, "48 s"],
  [60, "1 min"],
  [200, "3 min 20 s"],
  [7500, "2 h 5 min"],
  [7200, "2 h"],
])("%d seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
