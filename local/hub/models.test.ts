import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";

interface Repository {
  repository: string;
  recipe: Record<string, number>;
  revisions: { revision: string; step: number }[];
}

interface StackConfig {
  config: { "modelcar:models": { source: { huggingFace?: string; revision?: string } }[] };
}

const { repositories } = JSON.parse(readFileSync(new URL("models.json", import.meta.url), "utf8")) as {
  repositories: Repository[];
};

test.each(repositories)("the revisions of $repository follow from its recipe", (declared) => {
  for (const { revision, step } of declared.revisions) {
    const made = JSON.stringify([declared.repository, declared.recipe, step]);
    expect(revision).toBe(createHash("sha1").update(made).digest("hex"));
  }
});

test("Pulumi.local.yaml pins revisions that the hub has", () => {
  const stack = parse(
    readFileSync(new URL("../../Pulumi.local.yaml", import.meta.url), "utf8"),
  ) as StackConfig;
  const pulled = stack.config["modelcar:models"].filter(({ source }) => source.huggingFace);
  expect(pulled).not.toHaveLength(0);
  for (const { source } of pulled) {
    const declared = repositories.find(({ repository }) => repository === source.huggingFace);
    expect(declared?.revisions.map(({ revision }) => revision)).toContain(source.revision);
  }
});
