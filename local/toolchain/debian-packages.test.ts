import { expect, test } from "vitest";
import { readPackages } from "./debian-packages.ts";

test("the records of apt-cache show, by name", () => {
  const output =
    "Package: runc\nVersion: 1.1.5+ds1-1\nSHA256: aa\n\nPackage: tini\nVersion: 0.19.0-1\nSHA256: bb\n\n";
  expect([...readPackages(output).values()]).toEqual([
    { name: "runc", version: "1.1.5+ds1-1", sha256: "aa" },
    { name: "tini", version: "0.19.0-1", sha256: "bb" },
  ]);
  expect(() => readPackages("Package: runc\nVersion: 1\n")).toThrow("no SHA256");
});
