import { defineConfig } from "vitest/config";

const life = "test/cluster/life.test.ts";
const pipelines = "test/cluster/pipelines.test.ts";
const end = "test/cluster/end.test.ts";
const onPlatform = { testTimeout: 1_800_000, hookTimeout: 3_600_000, fileParallelism: false };

export default defineConfig({
  test: {
    // Pulumi's mocks are global to a process, so each file gets a process of its own.
    pool: "forks",
    projects: [
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: ["node_modules/**", ".local/**", "test/**"],
        },
      },
      // The whole program, hundreds of times: on a busy machine some take seconds.
      { test: { name: "program", include: ["test/program/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "schemas",
          include: ["test/schemas/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          exclude: [life, pipelines, end],
          globalSetup: "test/cluster/setup.ts",
          ...onPlatform,
        },
      },
      // Apart from the others, because each changes what runs on the platform; scripts/test.ts has their order.
      { test: { name: "life", include: [life], ...onPlatform } },
      { test: { name: "pipelines", include: [pipelines], ...onPlatform } },
      { test: { name: "end", include: [end], ...onPlatform } },
    ],
  },
});
