import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The paths and variables of the embedded platform's Pulumi CLI. All paths are absolute. */
export interface PulumiEnvironmentOptions {
  /** Holds the CLI's home, the stacks' state and the passphrase of their secrets. Created if missing. */
  readonly stateDirectory: string;
  /** Holds the file `pulumi` (no symbolic link: the CLI looks for the language host beside the real file). */
  readonly binDirectory: string;
  /** The kubeconfig file that the program's context is in. */
  readonly kubeconfig?: string;
  /** Replaces `process.env` as the environment to start from. */
  readonly baseEnvironment?: NodeJS.ProcessEnv;
}

/** The CLI's home in a state directory: plugins, credentials, the CLI's own caches. */
export function pulumiHome(stateDirectory: string): string {
  return join(stateDirectory, "pulumi-home");
}

/**
 * The environment in which the CLI runs on the embedded platform.
 *
 * State, plugins and secrets stay in `stateDirectory`: no `PULUMI_…` variable of the user's own setup is passed on,
 * that setup is neither read nor changed, and the CLI looks nothing up on the internet.
 */
export function pulumiEnvironment(options: PulumiEnvironmentOptions): NodeJS.ProcessEnv {
  const { stateDirectory, binDirectory, kubeconfig, baseEnvironment = process.env } = options;
  const stacks = join(stateDirectory, "stacks");
  for (const directory of [stacks, pulumiHome(stateDirectory)]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  const inherited = Object.entries(baseEnvironment).filter(([name]) => !name.startsWith("PULUMI_"));
  return {
    ...Object.fromEntries(inherited),
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
    PATH: [binDirectory, baseEnvironment.PATH].filter(Boolean).join(delimiter),
    NODE_COMPILE_CACHE: join(stateDirectory, "node-compile-cache"),
    PULUMI_HOME: pulumiHome(stateDirectory),
    PULUMI_BACKEND_URL: `file://${stacks}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(stateDirectory),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_SUPPRESS_NEO_LINK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Otherwise the CLI would prefer a plugin on the user's PATH to the installed one.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
  };
}

/** The file with the passphrase that encrypts the stacks' secrets, made once with a random passphrase. */
function passphraseFile(stateDirectory: string): string {
  const path = join(stateDirectory, "passphrase");
  try {
    writeFileSync(path, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return path;
}
