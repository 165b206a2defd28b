/** `npm run docs`: writes docs/configuration.md, the reference of the stack configuration, from the schema and its comments. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { schema, secrets } from "../config/schema.ts";
import { schemaComments } from "./describe-config/comments.ts";
import { type Key, keysOf } from "./describe-config/keys.ts";

export const file = join(import.meta.dirname, "..", "docs", "configuration.md");

const intro = `# Configuration

<!-- Written by npm run docs from config/*.ts; change it there. -->

Every key is set in \`Pulumi.<stack>.yaml\` under \`modelcar:\`, by hand or with
\`pulumi config set --path 'modelcar:models[0].serve.gpus' 4\`. Secrets are set with
\`pulumi config set --secret modelcar:hfToken\`, and refused in plain text.

"must be" describes the value; a "required" key must be set wherever its parent is. \`[]\` stands for each entry of a list,
\`<name>\` for a name that you choose. Rules across several keys are in \`config/cross-checks.ts\`. All mistakes are reported
at once, before anything is created.
`;

/** The page: a table for each top-level key and for each part of a model. Throws if keys lack a comment. */
export function page(keys: readonly Key[]): string {
  const bare = keys.filter(({ meaning }) => meaning === "").map(({ path }) => path);
  if (bare.length > 0) throw new Error(`the config schema has no comment above: ${bare.join(", ")}`);
  const sections = new Map<string, Key[]>();
  for (const key of keys) {
    const section = sectionOf(key, keys);
    sections.set(section, [...(sections.get(section) ?? []), key]);
  }
  const tables = [...sections].map(([section, rows]) => `\n## ${section}\n\n${table(rows)}`);
  return `${intro}${tables.join("")}`;
}

/** All keys of this version, the secrets last. */
export function allKeys(): Key[] {
  const secretKeys = Object.entries(secrets).map(([path, what]) => ({
    path,
    shape: "--secret",
    form: "a text that is not empty",
    fallback: "none",
    meaning: `${what.charAt(0).toUpperCase()}${what.slice(1)}.`,
  }));
  return [...keysOf(schema, schemaComments()), ...secretKeys];
}

function sectionOf({ path, shape }: Key, keys: readonly Key[]): string {
  if (shape === "--secret") return "Secrets";
  const [, part = ""] = /^(models\[\]\.\w+|\w+)/.exec(path) ?? [];
  const hasKeys = keys.some((key) => key.path.startsWith(`${part}.`) || key.path.startsWith(`${part}[]`));
  if (hasKeys) return `\`${part}\``;
  return part.startsWith("models") ? "`models`" : "The stack";
}

function table(keys: readonly Key[]): string {
  const rows = keys.map(({ path, shape, form, fallback, meaning }) => {
    const key = shape === "" ? `\`${path}\`` : `\`${path}\` (${shape})`;
    return `| ${[key, form, fallback, meaning].map(escaped).join(" | ")} |\n`;
  });
  return `| key | must be | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("")}`;
}

/** Escapes Markdown's special characters outside code spans. */
function escaped(text: string): string {
  const parts = text.replaceAll("|", "\\|").split("`");
  return parts.map((part, index) => (index % 2 === 0 ? part.replace(/[<*]/g, "\\$&") : part)).join("`");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, page(allKeys()));
  console.log(`wrote ${file}`);
}
