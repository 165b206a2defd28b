import { createRequire } from "node:module";
import type {
  ServiceDefinition,
  ServiceError,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** Loads modules as `@pulumi/pulumi` would, so that its own gRPC library and protocol stubs are used. */
export const pulumiRequire = createRequire(
  createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json"),
);

/** The gRPC library of `@pulumi/pulumi`. Messages made for it do not work with a second copy. */
export const grpc = pulumiRequire("@grpc/grpc-js") as typeof import("@grpc/grpc-js");

/** The stub `name` (for instance `provider_pb`) of Pulumi's protocol. */
export function protocol<Stub>(name: string): Stub {
  return pulumiRequire(`@pulumi/pulumi/proto/${name}`) as Stub;
}

/** The version of the installed `@pulumi/pulumi`. */
export const sdkVersion = (pulumiRequire("@pulumi/pulumi/package.json") as { version: string }).version;

/** An error that gRPC carries to the engine with `code` and `message`. */
export function statusError(code: number, message: string): Partial<ServiceError> {
  return { code, details: message };
}

/** Refuses a call that this stand-in does not support. */
export function unsupported(plugin: string, what: string): Partial<ServiceError> {
  return statusError(
    grpc.status.UNIMPLEMENTED,
    `${plugin} here is a stand-in that does not support ${what}; use the official plugin for that`,
  );
}

/**
 * Serves one plugin to the engine: listens on a free local port, prints the port as the engine expects, and ends
 * when the engine closes this process's standard input. Methods without a handler are refused by name.
 */
export async function servePlugin(
  plugin: string,
  service: ServiceDefinition,
  handlers: UntypedServiceImplementation,
): Promise<void> {
  const implementation: UntypedServiceImplementation = {};
  for (const method of Object.keys(service)) {
    implementation[method] = handlers[method] ?? refuse(plugin, method, service);
  }
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(service, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);
  endWithEngine();
}

/** Ends this process when the engine is gone: it holds the other end of our standard input. */
export function endWithEngine(): void {
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("error", () => process.exit(0));
  process.stdin.resume();
}

/** The address of the engine: the last argument, after any logging and tracing flags. */
export function engineAddress(): string {
  return process.argv.at(-1) ?? "";
}

function refuse(plugin: string, method: string, service: ServiceDefinition): UntypedHandleCall {
  const error = unsupported(plugin, `the call ${method}`);
  if (service[method]?.responseStream) {
    return ((call: { emit(event: "error", error: unknown): void }) =>
      call.emit("error", error)) as UntypedHandleCall;
  }
  return ((_call: unknown, callback: (error: unknown) => void) => callback(error)) as UntypedHandleCall;
}
