import { expect, test } from "vitest";
import { help, readCommandLine, UsageError } from "./command-line.ts";

test("without arguments: the newest page of stack local, opened", () => {
  expect(readCommandLine([])).toEqual({
    model: undefined,
    stack: "local",
    configFile: undefined,
    context: undefined,
    file: "report.html",
    directory: undefined,
    open: true,
  });
});

test("every option, in both forms", () => {
  const line = "sums --stack dev --config-file=f --context c --directory=d --no-open";
  expect(readCommandLine(line.split(" "))).toEqual({
    model: "sums",
    stack: "dev",
    configFile: "f",
    context: "c",
    file: "report.html",
    directory: "d",
    open: false,
  });
  expect(readCommandLine(["--json"])).toMatchObject({ file: "comparison.json" });
  expect(readCommandLine(["--markdown"])).toMatchObject({ file: "report.md" });
});

test("all mistakes at once", () => {
  const line = "one two --nonsense -x --stack --json --json=yes --json --markdown --directory d --context=";
  const message = () => readCommandLine(line.split(" "));
  expect(message).toThrow(UsageError);
  for (const mistake of [
    "unknown option --nonsense",
    "unknown option -x",
    "--stack needs a value",
    '--json takes no value, but got "yes"',
    "--context needs a value",
    'unexpected argument "two": give at most one model',
    "--json and --markdown cannot be combined",
    "--directory is for the page: with --json nothing is saved",
  ]) {
    expect(message).toThrow(mistake);
  }
});

test.each([[["--help"]], [["-h"]], [["sums", "--nonsense", "--help"]]])("%j only asks for help", (args) => {
  expect(readCommandLine(args)).toEqual({ help: help() });
});

test("the help has every option on a line that a terminal shows whole", () => {
  const names = ["stack", "config-file", "context", "markdown", "json", "directory", "no-open", "help"];
  for (const name of names) expect(help()).toMatch(new RegExp(`^ .*--${name} .*\\w`, "m"));
  for (const line of help().split("\n")) expect(line.length).toBeLessThanOrEqual(120);
});
