import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { refusal } from "./own-stack.ts";
import { projectDirectory } from "./paths.ts";
import { ownArguments } from "./stack.ts";

const only = "npm run here is for the stack local only";
const words = (line: string) => line.split(" ").filter(Boolean);
const refusalOf = (line: string, environment: Record<string, string> = {}) =>
  refusal(words(line), environment);

describe("another stack is refused, with what to run instead", () => {
  test.each([
    ["preview --diff --stack dev", "not for dev: run pulumi preview --stack dev"],
    ["preview --diff --stack=dev", "not for dev: run pulumi preview --stack=dev"],
    ["up -s dev", "not for dev: run pulumi up -s dev"],
    ["up -sdev", "not for dev: run pulumi up -sdev"],
    ["up -s=dev", "not for dev: run pulumi up -s=dev"],
    ["up -ys dev", "not for dev: run pulumi up -ys dev"],
    ["up -yfsdev", "not for dev: run pulumi up -yfsdev"],
    ["destroy --yes --stack dev", "not for dev: run pulumi destroy … --stack dev"],
    ["destroy --stack local --stack dev", "not for dev: run pulumi destroy … --stack dev"],
    ["destroy --stack acme/modelcar/local", "not for acme/modelcar/local: "],
    ["down --stack", "not for one without a name: run pulumi down --stack"],
    ["-v 9 destroy -s dev", "not for dev: run pulumi destroy … -s dev"],
    ["--stack dev up", "not for dev: run pulumi up --stack dev"],
    ["config set --secret hfToken hf_secret --stack dev", "not for dev: run pulumi config set … --stack dev"],
    ["config cp --dest dev", "not for dev: run pulumi config cp --dest dev"],
    ["config cp -d dev", "not for dev: run pulumi config cp -d dev"],
    ["-d dev config cp", "not for dev: run pulumi config cp -d dev"],
    ["config -d dev cp", "not for dev: run pulumi config cp -d dev"],
    ["-y dev up", "not for dev: run pulumi up … --stack dev"],
    ["about -ts dev", "not for dev: run pulumi about -ts dev"],
    ["policy install -s dev", "not for dev: run pulumi policy install -s dev"],
    ["state move --source local --dest dev urn", "not for dev: run pulumi state move … --dest dev"],
    ["stack export --stack dev", "not for dev: run pulumi stack export --stack dev"],
    ["stack import --file state.json -s dev", "not for dev: run pulumi stack import … -s dev"],
    ["stack select dev", "not for dev: run pulumi stack select dev"],
    ["stack select -c dev", "not for dev: run pulumi stack select dev"],
    ["stack rm dev", "not for dev: run pulumi stack rm dev"],
    ["stack remove --yes --force dev", "not for dev: run pulumi stack remove dev"],
    ["stack init dev", "not for dev: run pulumi stack init dev"],
    ["stack init --secrets-provider passphrase dev", "not for dev: run pulumi stack init dev"],
    ["stack new dev", "not for dev: run pulumi stack new dev"],
    ["stack init", "makes no other one: run pulumi stack init"],
    [
      "stack init --copy-config-from dev local",
      "not for dev: run pulumi stack init … --copy-config-from dev",
    ],
    ["stack rename dev", "not for dev: run pulumi stack rename dev"],
    ["cancel dev", "not for dev: run pulumi cancel dev"],
    ["cancel --yes dev", "not for dev: run pulumi cancel dev"],
    ["new kubernetes-typescript", "makes no other project: run pulumi new in an empty folder"],
    ["-C ../other up", "not for what is in ../other: run pulumi up -C ../other"],
    ["up -C../other", "not for what is in ../other: run pulumi up -C../other"],
    ["preview --cwd=/tmp", "not for what is in /tmp: run pulumi preview --cwd=/tmp"],
    [
      "up --config-file Pulumi.dev.yaml",
      "whose configuration is not Pulumi.dev.yaml: run pulumi up --config-file Pulumi.dev.yaml",
    ],
  ])("%s", (line, expected) => {
    const said = refusalOf(line);
    expect(said).toContain(`${only}, `);
    expect(said).toContain(expected);
    expect(said).not.toMatch(/hf_secret|\n/);
  });

  test("a flag that npm took, because no -- is before it", () => {
    // npm run preview --stack=dev
    expect(refusalOf("preview --diff", { npm_config_stack: "dev" })).toBe(
      `${only}, not for dev: run pulumi preview --stack dev`,
    );
    // npm run destroy --stack dev; npm run destroy -s dev
    for (const environment of [{ npm_config_stack: "true" }, {}]) {
      expect(refusalOf("destroy dev", environment as Record<string, string>)).toBe(
        `${only}, not for dev: run pulumi destroy --stack dev`,
      );
    }
    expect(refusalOf("stack output models", { npm_config_stack: "true" })).toBe(
      `${only}, and npm took --stack: run pulumi stack output … --stack <name>`,
    );
  });

  test.each([
    ["npm_config_cwd", "/tmp", "not for what is in /tmp: run pulumi up --cwd /tmp"],
    ["npm_config_source", "dev", "not for dev: run pulumi up --source dev"],
    ["npm_config_copy_config_from", "dev", "not for dev: run pulumi up --copy-config-from dev"],
  ])("npm took it: %s", (variable, value, expected) => {
    expect(refusalOf("up", { [variable]: value })).toBe(`${only}, ${expected}`);
  });

  test.each(["PULUMI_STACK", "PULUMI_OPTION_STACK"])("%s in the environment", (variable) => {
    expect(refusalOf("up", { [variable]: "dev" })).toBe(
      `${only}, and ${variable} is dev: unset it, or run pulumi up --stack dev`,
    );
    expect(refusalOf("up", { [variable]: "local" })).toBeUndefined();
    expect(refusalOf("up", { [variable]: "" })).toBeUndefined();
  });

  test("a folder or a configuration in the environment", () => {
    expect(refusalOf("up", { PULUMI_OPTION_CWD: "/tmp" })).toContain("unset it, or run pulumi up --cwd /tmp");
    expect(refusalOf("up", { PULUMI_OPTION_CONFIG_FILE: "x.yaml" })).toContain(
      "PULUMI_OPTION_CONFIG_FILE is x.yaml",
    );
  });
});

test("npm run preview reports it before anything runs", () => {
  const script = ["scripts/pulumi.ts", "preview", "--diff", "--stack", "dev"];
  const { status, stdout, stderr } = spawnSync(process.execPath, script, {
    cwd: projectDirectory,
    encoding: "utf8",
  });
  expect([status, stdout, stderr]).toEqual([
    1,
    "",
    `error: ${only}, not for dev: run pulumi preview --stack dev\n`,
  ]);
});

test.each([
  "",
  "preview --diff",
  "preview --diff --expect-no-changes --non-interactive --color=never",
  "up --yes --skip-preview --message dev --target urn:x -c modelcar:namespace=dev -t dev -p 4",
  "up -m dev",
  "destroy --stack local",
  "destroy -s local -y",
  "destroy --stack=organization/modelcar/local",
  "stack select local",
  "stack rm --yes local",
  "stack rm",
  "stack output models --json",
  "stack output summary",
  "stack export --file dev",
  "stack tag set stack dev",
  "config set modelcar:namespace dev",
  "config set --path modelcar:models[0].name -- -s",
  "config get stack",
  "import -f resources.json",
  "import kubernetes:core/v1:ConfigMap dev dev/dev",
  "refresh --preview-only",
  "refresh --import-pending-creates urn",
  "--import-pending-creates urn refresh",
  "login -cs3://bucket",
  "package gen-sdk -osdk",
  "about -t",
  "watch --path src",
  "cancel --yes",
  "version",
  "whoami",
  "-C . up",
  `up --cwd ${projectDirectory}`,
])("the own stack is not refused: %s", (line) => {
  expect(refusalOf(line)).toBeUndefined();
});

describe("what the CLI is given", () => {
  const given = (line: string) =>
    ownArguments(words(line))
      .join(" ")
      .replace(/\S*Pulumi\.local\.yaml/, "<file>");
  test.each([
    ["up --yes", "up --config-file <file> --yes"],
    ["pre", "pre --config-file <file>"],
    ["-v 9 down", "-v 9 down --config-file <file>"],
    ["config set key -- -1", "config --config-file <file> set key -- -1"],
    ["stack output", "stack output"],
    // Without it the CLI deletes the committed Pulumi.local.yaml.
    ["stack -s local rm --yes", "stack -s local rm --preserve-config --yes"],
    ["version", "version"],
    ["--version", "--version"],
    ["", "help"],
  ])("%s", (line, expected) => expect(given(line)).toBe(expected));
});
