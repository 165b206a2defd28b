import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const life = "test/cluster/life.test.ts";
const pipelines = "test/cluster/pipelines.test.ts";
const end = "test/cluster/end.test.ts";
/** One is disturbed by others: the node writes all its rules anew for each network policy. The other ends parts of the platform. */
const alone = ["test/cluster/network.test.ts", "test/cluster/outages.test.ts"];
const globalSetup = "test/cluster/setup.ts";
const onPlatform = { testTimeout: 1_800_000, hookTimeout: 3_600_000 };
/** What vitest takes of itself leaves a core idle, which is half of a small machine. */
const onEveryCore = { maxWorkers: "100%" };
/** For files that wait for others' processes most of the time. */
const sideBySide = { maxWorkers: 4 };
const oneByOne = { maxWorkers: 1 };
/** Projects of one run that differ in their workers run one after the other. */
const inTurn = (groupOrder: number) => ({ sequence: { groupOrder } });

/** Starts the files of projects that run side by side in the order in which the projects stand here, the longest first. */
class InOrderOfProjects extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const names = this.ctx.projects.map(({ name }) => name);
    const place = ({ project }: TestSpecification) => names.indexOf(project.name);
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: InOrderOfProjects },
    // Pulumi's mocks are global to a process, so each file gets a process of its own.
    pool: "forks",
    projects: [
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: ["node_modules/**", ".local/**", "test/**"],
          ...onEveryCore,
        },
      },
      // The whole program, hundreds of times: on a busy machine some take seconds.
      {
        test: {
          name: "program",
          include: ["test/program/**/*.test.ts"],
          testTimeout: 60_000,
          ...onEveryCore,
        },
      },
      {
        test: {
          name: "schemas",
          include: ["test/schemas/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          ...onEveryCore,
        },
      },
      // Goes on with the stack of the setup, which the others leave alone.
      { test: { name: "pipelines", include: [pipelines], ...onPlatform, ...sideBySide, ...inTurn(1) } },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          exclude: [life, ...alone, pipelines, end],
          globalSetup,
          ...onPlatform,
          ...sideBySide,
          ...inTurn(1),
        },
      },
      // Needs no platform, and takes the cores while the pipelines wait for their pods.
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...sideBySide,
          ...inTurn(1),
        },
      },
      { test: { name: "alone", include: alone, globalSetup, ...onPlatform, ...oneByOne, ...inTurn(2) } },
      // Apart from the others, because each changes what runs on the platform; scripts/test.ts has their order.
      { test: { name: "life", include: [life], ...onPlatform, ...oneByOne, ...inTurn(3) } },
      { test: { name: "end", include: [end], ...onPlatform, ...oneByOne, ...inTurn(4) } },
    ],
  },
});
