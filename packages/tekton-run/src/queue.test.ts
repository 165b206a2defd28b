import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { queueMetadata, runsAhead, takeTurn } from "./queue.ts";
import { pending, type Run } from "./tekton-status.ts";

const conventions = { labelPrefix: "test", leftovers: [] };
const queue = (gpus: number, capacity = 4) => ({ name: "l4", gpus, capacity });
const run = (name: string, second: number, gpus: number, status: string | undefined = pending): Run => ({
  metadata: {
    name,
    creationTimestamp: new Date(second * 1000).toISOString(),
    ...queueMetadata(conventions, queue(gpus)),
  },
  ...(status ? { spec: { status } } : { spec: {} }),
});
const present = () => false;
const ahead = (name: string, gpus: number, runs: readonly Run[], isAbsent: (run: Run) => boolean = present) =>
  runsAhead(conventions, { name, queue: queue(gpus) }, runs, isAbsent).map(({ metadata }) => metadata.name);

test("two runs that need all GPUs run one after the other, in the order of their creation", () => {
  const runs = [run("b", 1, 4), run("a", 2, 4)];
  expect(ahead("b", 4, runs)).toEqual([]);
  expect(ahead("a", 4, runs)).toEqual(["b"]);
});

test("started runs count even if they were created later; and a small run does not overtake a large one", () => {
  const runs = [run("large", 1, 4), run("small", 2, 1), run("late", 3, 1, "")];
  expect(ahead("large", 4, runs)).toEqual(["late"]);
  expect(ahead("small", 1, runs)).toEqual(["late", "large"].sort());
});

test("a run whose up is gone is passed over", () => {
  const runs = [run("left-behind", 1, 4), run("next", 2, 4)];
  expect(ahead("next", 4, runs, ({ metadata }) => metadata.name === "left-behind")).toEqual([]);
});

test("whatever the line: what may start fits together, and the first one can always start when nothing runs", () => {
  const demands = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(demands, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (gpus, sameSecond) => {
      const runs = gpus.map((need, i) => run(`r${i}`, sameSecond[i] ? 0 : i, need));
      const may = runs.filter((one, i) => ahead(one.metadata.name, gpus[i] ?? 0, runs).length === 0);
      expect(may.length).toBeGreaterThan(0);
      const total = may.reduce((sum, one) => sum + Number(one.metadata.annotations?.["test/queue-gpus"]), 0);
      expect(total).toBeLessThanOrEqual(4);
    }),
  );
});

const runs = "/apis/tekton.dev/v1/namespaces/ai/pipelineruns";
let api: FakeApi;
beforeEach(async () => {
  api = await FakeApi.start();
});
afterEach(() => api.stop());

test("a waiting run is started when the one ahead ends, and says what it waits for until then", async () => {
  api.put(`${runs}/first`, run("first", 1, 4, ""));
  api.put(`${runs}/second`, run("second", 2, 4));
  const lines: string[] = [];
  const print = (line: string) => lines.push(line);
  const site = { cluster: api.cluster(), namespace: "ai", conventions, print };
  const taken = takeTurn(site, { name: "second", queue: queue(4) });
  await expect
    .poll(() => lines, { timeout: 4000 })
    .toEqual(["second: waiting for 4 of 4 GPUs of queue l4, behind first"]);
  expect(api.object(`${runs}/second`).spec.status).toBe(pending);
  api.edit(`${runs}/first`, (first) => {
    first.status = { conditions: [{ type: "Succeeded", status: "True" }] };
  });
  await taken;
  expect(api.object(`${runs}/second`).spec).toEqual({});
});
