import { expect, it } from "vitest";
import { coreTime, timeTable } from "./timings.ts";

it("counts waiting for the disk as idle", () => {
  expect(coreTime("cpu  10 1 5 70 14 0 0 0 0 0\ncpu0 1 1 1 1\n")).toEqual({ busy: 16, all: 100 });
});

it("lists parts in their order, and the slow files of each, the slowest first", () => {
  const files = [
    { name: "quick.test.ts", seconds: 1 },
    { name: "slow.test.ts", seconds: 61 },
    { name: "slowest.test.ts", seconds: 130.4 },
  ];
  const table = timeTable([
    { name: "unit", seconds: 60, busy: 1, files: [] },
    { name: "cluster", seconds: 180, busy: 0.5, files },
  ]);
  expect(table.split("\n").map((line) => line.trim().replace(/\s+/g, " "))).toEqual([
    "min:s cores busy part, file",
    "1:00 100 % unit",
    "3:00 50 % cluster",
    "2:10 slowest.test.ts",
    "1:01 slow.test.ts",
    "4:00 63 % all",
  ]);
});
