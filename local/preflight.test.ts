import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Machine, minimumGo, problems } from "./preflight.ts";

const fit: Machine = {
  platform: "linux",
  architecture: "x64",
  userId: 0,
  distribution: "debian bookworm",
  goVersion: "1.26.8",
  missingPrograms: [],
  availableMemoryGiB: 20,
  freeDiskGiB: 60,
  missing: { tools: 1, images: 1 },
};

describe("problems", () => {
  it("finds none on a suitable machine", () => {
    expect(problems(fit)).toEqual([]);
    expect(problems({ ...fit, goVersion: "1.26.4" })).toEqual([]);
    expect(problems({ ...fit, freeDiskGiB: 10, missing: { tools: 0, images: 0 } })).toEqual([]);
  });

  it("asks for disk by the share that is still to be built", () => {
    const short = (freeDiskGiB: number, tools: number, images: number) =>
      problems({ ...fit, freeDiskGiB, missing: { tools, images } }).join();
    expect(short(10, 0.1, 0.1)).toBe("");
    expect(short(10, 0.1, 0.5)).toMatch("it needs 16 GiB of free disk");
    expect(short(46, 1, 1)).toMatch("it needs 47 GiB of free disk");
  });

  it("names all of them at once", () => {
    const found = problems({
      ...fit,
      userId: 1000,
      distribution: "ubuntu noble",
      goVersion: undefined,
      missingPrograms: ["nsenter"],
      availableMemoryGiB: 3,
      freeDiskGiB: 10,
    });
    expect(found).toHaveLength(6);
    expect(found.join("\n")).toMatch(
      /root[\s\S]*ubuntu noble[\s\S]*found none[\s\S]*nsenter[\s\S]*3\.0 GiB[\s\S]*10\.0 GiB/,
    );
  });

  it.each(["1.25.10", "1.24.99", "1.9", "0.99.99"])("finds Go %s too old", (goVersion) => {
    expect(problems({ ...fit, goVersion })).toEqual([expect.stringContaining(`found ${goVersion}`)]);
  });

  it("reports nothing else on another operating system", () => {
    expect(problems({ ...fit, platform: "darwin", architecture: "arm64", userId: 501 })).toEqual([
      expect.stringContaining("darwin on arm64"),
    ]);
  });
});

it("requires the newest Go version that a tool's module requires", () => {
  const versions = globSync(join(import.meta.dirname, "tools/*/go.mod")).map(
    (file) => /^go (\S+)$/m.exec(readFileSync(file, "utf8"))?.[1],
  );
  const newest = versions
    .sort((one = "", other = "") => one.localeCompare(other, undefined, { numeric: true }))
    .at(-1);
  expect(minimumGo.join(".")).toBe(newest);
});
