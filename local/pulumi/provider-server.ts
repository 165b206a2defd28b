import type { handleUnaryCall, ServiceDefinition, UntypedHandleCall } from "@grpc/grpc-js";
import type * as pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import type * as providerMessages from "@pulumi/pulumi/proto/provider_pb.js";
import type * as statusMessages from "@pulumi/pulumi/proto/status_pb.js";
import { grpc, protocol, pulumiRequire, servePlugin } from "./plugin-server.ts";
import type { Properties } from "./properties.ts";
import {
  type CheckResult,
  type DiffResult,
  NotReadyError,
  type Provider,
  type Resource,
} from "./provider.ts";

const messages = protocol<typeof providerMessages>("provider_pb");
const plugins = protocol<typeof pluginMessages>("plugin_pb");
const statuses = protocol<typeof statusMessages>("status_pb");
const { ResourceProviderService } = protocol<{ ResourceProviderService: ServiceDefinition }>(
  "provider_grpc_pb",
);
type Struct = NonNullable<ReturnType<providerMessages.CreateRequest["getProperties"]>>;
const { Struct } = pulumiRequire("google-protobuf/google/protobuf/struct_pb") as {
  Struct: { fromJavaScript(value: object): Struct };
};
const { Any } = pulumiRequire("google-protobuf/google/protobuf/any_pb") as {
  Any: new () => Parameters<statusMessages.Status["addDetails"]>[0] & {
    pack(bytes: Uint8Array, name: string): void;
  };
};
const { Empty } = pulumiRequire("google-protobuf/google/protobuf/empty_pb") as { Empty: new () => object };

/** Serves `provider` to the engine that started this process. */
export async function serveProvider(provider: Provider): Promise<void> {
  const unary = <Request, Response>(
    handle: (request: Request) => Promise<Response> | Response,
  ): UntypedHandleCall =>
    ((call, callback) => {
      Promise.resolve()
        .then(() => handle(call.request))
        .then((response) => callback(null, response))
        .catch((error: unknown) => callback(asStatus(error)));
    }) as handleUnaryCall<Request, Response>;

  await servePlugin(provider.plugin, ResourceProviderService, {
    handshake: unary(() => {
      const response = new messages.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    }),
    getPluginInfo: unary(() => {
      const info = new plugins.PluginInfo();
      info.setVersion(provider.version);
      return info;
    }),
    ...(provider.checkConfig && {
      checkConfig: unary(async (request: providerMessages.CheckRequest) =>
        checkResponse(
          (await provider.checkConfig?.(object(request.getNews()))) ?? { inputs: object(request.getNews()) },
        ),
      ),
    }),
    ...(provider.diffConfig && {
      diffConfig: unary(async (request: providerMessages.DiffRequest) =>
        diffResponse(
          (await provider.diffConfig?.(
            object(request.getOldInputs() ?? request.getOlds()),
            object(request.getNews()),
          )) ?? { changes: new Map() },
        ),
      ),
    }),
    configure: unary(async (request: providerMessages.ConfigureRequest) => {
      await provider.configure?.(object(request.getArgs()));
      const response = new messages.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),
    check: unary(async (request: providerMessages.CheckRequest) =>
      checkResponse(
        await provider.check(
          resource(request),
          object(request.getOlds()),
          object(request.getNews()),
          Buffer.from(request.getRandomseed() as Uint8Array),
        ),
      ),
    ),
    diff: unary(async (request: providerMessages.DiffRequest) =>
      diffResponse(
        await provider.diff(
          resource(request),
          request.getId(),
          object(request.getOlds()),
          object(request.getOldInputs()),
          object(request.getNews()),
          request.getIgnorechangesList(),
        ),
      ),
    ),
    create: unary(async (request: providerMessages.CreateRequest) => {
      const state = await provider.create(resource(request), object(request.getProperties()), {
        preview: request.getPreview(),
        timeoutSeconds: request.getTimeout(),
        ignoreChanges: [],
      });
      const response = new messages.CreateResponse();
      response.setId(request.getPreview() ? "" : state.id);
      response.setProperties(struct(state.outputs));
      return response;
    }),
    ...(provider.read && {
      read: unary(async (request: providerMessages.ReadRequest) => {
        const state = await provider.read?.(
          resource(request),
          request.getId(),
          object(request.getInputs()),
          object(request.getProperties()),
        );
        const response = new messages.ReadResponse();
        if (!state) return response;
        response.setId(state.id);
        response.setProperties(struct(state.outputs));
        response.setInputs(struct(state.inputs ?? object(request.getInputs())));
        return response;
      }),
    }),
    update: unary(async (request: providerMessages.UpdateRequest) => {
      const outputs = await provider.update(
        resource(request),
        request.getId(),
        object(request.getOlds()),
        object(request.getNews()),
        {
          preview: request.getPreview(),
          timeoutSeconds: request.getTimeout(),
          ignoreChanges: request.getIgnorechangesList(),
        },
      );
      const response = new messages.UpdateResponse();
      response.setProperties(struct(outputs));
      return response;
    }),
    delete: unary(async (request: providerMessages.DeleteRequest) => {
      await provider.delete(
        resource(request),
        request.getId(),
        object(request.getProperties()),
        request.getTimeout(),
      );
      return new Empty();
    }),
    cancel: unary(() => {
      provider.cancel?.();
      return new Empty();
    }),
  });
}

function resource(request: { getUrn(): string }): Resource {
  const urn = request.getUrn();
  const [, , types = "", ...name] = urn.replace(/^urn:pulumi:/, "").split("::");
  return { urn, type: types.split("$").at(-1) ?? "", name: name.join("::") };
}

function object(value: Struct | undefined): Properties {
  return (value?.toJavaScript() ?? {}) as Properties;
}

function struct(value: Properties): Struct {
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));
}

function checkResponse(result: CheckResult): providerMessages.CheckResponse {
  const response = new messages.CheckResponse();
  response.setInputs(struct(result.inputs));
  for (const { property, reason } of result.failures ?? []) {
    const failure = new messages.CheckFailure();
    failure.setProperty(property ?? "");
    failure.setReason(reason);
    response.addFailures(failure);
  }
  return response;
}

function diffResponse(result: DiffResult): providerMessages.DiffResponse {
  const { Kind } = messages.PropertyDiff;
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  } as const;
  const response = new messages.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
  const replaces = [...(result.replaceAnyway ?? [])];
  response.setHasdetaileddiff(true);
  response.setChanges(result.changes.size > 0 || replaces.length > 0 ? DIFF_SOME : DIFF_NONE);
  for (const [path, { kind, replace }] of result.changes) {
    const change = new messages.PropertyDiff();
    change.setKind(kinds[kind][replace ? 1 : 0]);
    response.getDetaileddiffMap().set(path, change);
    response.addDiffs(path.split(/[.[]/, 1)[0] ?? path);
    if (replace) replaces.push(path);
  }
  response.setReplacesList(replaces);
  response.setDeletebeforereplace(replaces.length > 0 && (result.deleteBeforeReplace ?? false));
  return response;
}

/** The gRPC form of an error; a `NotReadyError` carries the resource's state with it. */
function asStatus(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof NotReadyError)) {
    const known = error as { code?: unknown; details?: unknown };
    return typeof known.details === "string" ? known : { code: grpc.status.UNKNOWN, details: message };
  }
  const detail = new messages.ErrorResourceInitFailed();
  detail.setId(error.state.id);
  detail.setProperties(struct(error.state.outputs));
  if (error.state.inputs) detail.setInputs(struct(error.state.inputs));
  detail.setReasonsList([...error.reasons]);
  const any = new Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statuses.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(message);
  status.addDetails(any);
  const metadata = new grpc.Metadata();
  // gRPC's convention for structured errors, which the engine reads.
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}
