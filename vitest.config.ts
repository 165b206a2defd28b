import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const life = "test/cluster/life.test.ts";
const pipelines = "test/cluster/pipelines.test.ts";
const end = "test/cluster/end.test.ts";
/** Run without others: kube-router rewrites all rules for each network policy; outages.test.ts stops parts of the platform. */
const alone = ["test/cluster/network.test.ts", "test/cluster/outages.test.ts"];
const globalSetup = "test/cluster/setup.ts";
const onPlatform = { testTimeout: 1_800_000, hookTimeout: 3_600_000 };
/** Vitest's default leaves a core idle, which is half of a small machine. */
const onEveryCore = { maxWorkers: "100%" };
/** For files that mostly wait for other processes. */
const sideBySide = { maxWorkers: 4 };
const oneByOne = { maxWorkers: 1 };
/** Groups run one after another; projects with different `maxWorkers` cannot share one. */
const inGroup = (groupOrder: number) => ({ sequence: { groupOrder } });

/** Starts the files of a group's projects in the order of the list below, which has the longest project first. */
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
      // Runs the whole program hundreds of times: on a busy machine some tests take seconds.
      {
        test: {
          name: "program",
          include: ["test/program/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
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
      // Uses the stack that the setup deployed; other projects do not touch it.
      { test: { name: "pipelines", include: [pipelines], ...onPlatform, ...sideBySide, ...inGroup(1) } },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          exclude: [life, ...alone, pipelines, end],
          globalSetup,
          ...onPlatform,
          ...sideBySide,
          ...inGroup(1),
        },
      },
      // Needs no platform, so it uses the cores while the pipelines wait for their pods.
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...sideBySide,
          ...inGroup(1),
        },
      },
      { test: { name: "alone", include: alone, globalSetup, ...onPlatform, ...oneByOne, ...inGroup(2) } },
      // Each changes what runs on the platform, so they run separately; scripts/test.ts sets the order.
      { test: { name: "life", include: [life], ...onPlatform, ...oneByOne, ...inGroup(3) } },
      { test: { name: "end", include: [end], ...onPlatform, ...oneByOne, ...inGroup(4) } },
    ],
  },
});
