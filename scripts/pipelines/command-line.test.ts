import { expect, test } from "vitest";
import { readCommandLine, UsageError } from "./command-line.ts";
import { type CommandName, commandHelp, commands, help } from "./commands.ts";

test("a command line is parsed", () => {
  expect(
    readCommandLine([
      "run-modelcar",
      "sums",
      "--stack",
      "local",
      "--param",
      "TASKS=a,b",
      "--param=VLLM_ARGS=--x=1 -y",
    ]),
  ).toEqual({
    command: "run-modelcar",
    operand: "sums",
    stack: "local",
    configFile: undefined,
    context: undefined,
    namespace: undefined,
    run: undefined,
    params: { TASKS: "a,b", VLLM_ARGS: "--x=1 -y" },
    dryRun: false,
    cancelOnInterrupt: false,
    output: "text",
  });
  expect(readCommandLine(["monitor-pipeline", "-n", "ai", "-r", "r1", "-o", "json"])).toMatchObject({
    namespace: "ai",
    run: "r1",
    output: "json",
    stack: "dev",
  });
});

test.each([
  [[], "missing command"],
  [["run"], 'unknown command "run"'],
  [["constructor"], 'unknown command "constructor"'],
  [["run-model-import"], "missing argument <model>"],
  [["cancel"], "missing argument <run>"],
  [["run-model-import", "a", "b"], 'unexpected argument "b"'],
  [["list", "a"], 'unexpected argument "a"'],
  [["list", "--param", "A=b"], "Unknown option '--param'"],
  [["list", "-n"], "argument missing"],
  [["list", "--output", "yaml"], '--output is "yaml", but must be text or json'],
  [["run-modelcar", "a", "--param", "TASKS"], '--param "TASKS" must be NAME=VALUE'],
  [["run-modelcar", "a", "--param", "A=1", "--param", "A=2"], "--param A was given twice"],
  [["run-modelcar", "a", "--dry-run=yes"], "does not take an argument"],
])("%o is wrong usage", (args, message) => {
  expect(() => readCommandLine(args)).toThrow(UsageError);
  expect(() => readCommandLine(args)).toThrow(message);
});

test("help names every command, and each command's help its options", () => {
  for (const name of Object.keys(commands) as CommandName[]) {
    expect(help()).toContain(`  ${name}`);
    for (const option of commands[name].options) expect(commandHelp(name)).toContain(`--${option}`);
    expect(readCommandLine([name, "--help"])).toEqual({ help: commandHelp(name) });
    expect(readCommandLine(["help", name])).toEqual({ help: commandHelp(name) });
  }
  expect(readCommandLine(["--help"])).toEqual({ help: help() });
});
