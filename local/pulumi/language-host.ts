/**
 * Stand-in for `pulumi-language-nodejs`, for machines that cannot download the official one.
 *
 * Runs a Node.js program for the ordinary Pulumi CLI: `pulumi preview`, `up`, `refresh` and `destroy` on an ordinary
 * project with `runtime: { name: nodejs, options: { typescript: false } }`. Everything else (new projects, package
 * installation, code generation, plugins and policy packs written in TypeScript) is refused.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { handleUnaryCall, ServiceDefinition } from "@grpc/grpc-js";
import type * as languageMessages from "@pulumi/pulumi/proto/language_pb.js";
import type * as pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import {
  engineAddress,
  grpc,
  protocol,
  pulumiRequire,
  sdkVersion,
  servePlugin,
  statusError,
} from "./plugin-server.ts";

const PLUGIN = "pulumi-language-nodejs";
/** The exit code with which `@pulumi/pulumi/cmd/run` says that it has shown the error itself. */
const ERROR_ALREADY_SHOWN = 32;

const language = protocol<typeof languageMessages>("language_pb");
const plugins = protocol<typeof pluginMessages>("plugin_pb");
const { Empty } = pulumiRequire("google-protobuf/google/protobuf/empty_pb") as {
  Empty: new () => object;
};
const { LanguageRuntimeService } = protocol<{ LanguageRuntimeService: ServiceDefinition }>(
  "language_grpc_pb",
);

const running = new Set<ChildProcess>();
const endPrograms = () => {
  for (const program of running) program.kill("SIGTERM");
};
process.on("exit", endPrograms);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));

const run: handleUnaryCall<languageMessages.RunRequest, languageMessages.RunResponse> = (call, callback) => {
  const request = call.request;
  const options = (request.getInfo()?.getOptions()?.toJavaScript() ?? {}) as Record<string, unknown>;
  if (options.typescript !== false) {
    const message =
      `${PLUGIN} here is a stand-in that runs TypeScript by Node's own type stripping; ` +
      "set runtime.options.typescript to false in Pulumi.yaml";
    callback(statusError(grpc.status.FAILED_PRECONDITION, message));
    return;
  }
  const nodeArguments = typeof options.nodeargs === "string" ? options.nodeargs.split(/\s+/) : [];
  const program = spawn(process.execPath, [...nodeArguments.filter(Boolean), ...runArguments(request)], {
    cwd: request.getPwd(),
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    },
  });
  running.add(program);
  program.once("error", (error) => callback(statusError(grpc.status.INTERNAL, error.message)));
  program.once("close", (code, signal) => {
    running.delete(program);
    const response = new language.RunResponse();
    if (code === ERROR_ALREADY_SHOWN) {
      response.setBail(true);
    } else if (code !== 0) {
      response.setError(
        code === null ? `Program ended by ${signal}` : `Program exited with non-zero exit code: ${code}`,
      );
    }
    callback(null, response);
  });
};

/** The command line of `@pulumi/pulumi/cmd/run` for `request`. */
function runArguments(request: languageMessages.RunRequest): string[] {
  const flags: [string, string | undefined][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engineAddress()],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", request.getInfo()?.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", request.getPwd()],
    ["parallel", String(request.getParallel())],
  ];
  return [
    pulumiRequire.resolve("@pulumi/pulumi/cmd/run"),
    ...flags.flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    request.getProgram() || ".",
    ...request.getArgsList(),
  ];
}

interface PackageManifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
  pulumi?: { resource?: boolean; name?: string; version?: string };
}

/** The resource plugins that the program's direct dependencies require in their `package.json`. */
function requiredPlugins(programDirectory: string): { name: string; version: string }[] {
  const manifestPath = join(programDirectory, "package.json");
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as PackageManifest;
  const programRequire = createRequire(manifestPath);
  return Object.keys(manifest.dependencies ?? {}).flatMap((dependency) => {
    const directory = programRequire.resolve
      .paths(dependency)
      ?.map((path) => join(path, dependency, "package.json"))
      .find(isReadable);
    if (!directory) return [];
    const { name, version, pulumi } = JSON.parse(readFileSync(directory, "utf8")) as PackageManifest;
    if (!pulumi?.resource) return [];
    return [
      {
        name: pulumi.name ?? name.replace(/^@pulumi\//, "").replace(/^@/, ""),
        version: `v${(pulumi.version ?? version).replace(/^v/, "")}`,
      },
    ];
  });
}

function isReadable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

const getRequiredPackages: handleUnaryCall<
  languageMessages.GetRequiredPackagesRequest,
  languageMessages.GetRequiredPackagesResponse
> = (call, callback) => {
  try {
    const directory = call.request.getInfo()?.getProgramDirectory() ?? process.cwd();
    const response = new language.GetRequiredPackagesResponse();
    response.setPackagesList(
      requiredPlugins(directory).map(({ name, version }) => {
        const dependency = new plugins.PackageDependency();
        dependency.setName(name);
        dependency.setKind("resource");
        dependency.setVersion(version);
        return dependency;
      }),
    );
    callback(null, response);
  } catch (error) {
    callback(statusError(grpc.status.FAILED_PRECONDITION, `cannot read the program's packages: ${error}`));
  }
};

const getPluginInfo: handleUnaryCall<unknown, pluginMessages.PluginInfo> = (_call, callback) => {
  const info = new plugins.PluginInfo();
  info.setVersion(sdkVersion);
  callback(null, info);
};

const about: handleUnaryCall<unknown, languageMessages.AboutResponse> = (_call, callback) => {
  const response = new language.AboutResponse();
  response.setExecutable(process.execPath);
  response.setVersion(process.version);
  response.getMetadataMap().set("languageHost", "stand-in");
  callback(null, response);
};

const handshake: handleUnaryCall<unknown, languageMessages.LanguageHandshakeResponse> = (_call, callback) =>
  callback(null, new language.LanguageHandshakeResponse());

const cancel: handleUnaryCall<unknown, object> = (_call, callback) => {
  endPrograms();
  callback(null, new Empty());
};

await servePlugin(PLUGIN, LanguageRuntimeService, {
  handshake,
  getRequiredPackages,
  run,
  getPluginInfo,
  about,
  cancel,
});
