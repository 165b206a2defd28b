import type { handleUnaryCall, ServiceDefinition, UntypedHandleCall } from "@grpc/grpc-js";
import type * as pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import type * as providerMessages from "@pulumi/pulumi/proto/provider_pb.js";
import { grpc, protocol, pulumiRequire, servePlugin } from "./plugin-server.ts";
import type { Properties } from "./properties.ts";
import type { CheckResult, DiffResult, Provider, Resource } from "./provider.ts";

const messages = protocol<typeof providerMessages>("provider_pb");
const plugins = protocol<typeof pluginMessages>("plugin_pb");
const { ResourceProviderService } = protocol<{ ResourceProviderService: ServiceDefinition }>(
  "provider_grpc_pb",
);
type Struct = NonNullable<ReturnType<providerMessages.CreateRequest["getProperties"]>>;
const { Struct } = pulumiRequire("google-protobuf/google/protobuf/struct_pb") as {
  Struct: { fromJavaScript(value: object): Struct };
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
    configure: unary(() => {
      const response = new messages.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),
    check: unary(async (request: providerMessages.CheckRequest) =>
      checkResponse(
        await provider.check(resource(request), object(request.getOlds()), object(request.getNews())),
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
        ),
      ),
    ),
    create: unary(async (request: providerMessages.CreateRequest) => {
      const state = await provider.create(resource(request), object(request.getProperties()), {
        preview: request.getPreview(),
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
        { preview: request.getPreview() },
      );
      const response = new messages.UpdateResponse();
      response.setProperties(struct(outputs));
      return response;
    }),
    delete: unary(async (request: providerMessages.DeleteRequest) => {
      await provider.delete(resource(request), request.getId(), object(request.getProperties()));
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
  const replaces: string[] = [];
  response.setHasdetaileddiff(true);
  response.setChanges(result.changes.size > 0 ? DIFF_SOME : DIFF_NONE);
  for (const [path, { kind, replace }] of result.changes) {
    const change = new messages.PropertyDiff();
    change.setKind(kinds[kind][replace ? 1 : 0]);
    response.getDetaileddiffMap().set(path, change);
    response.addDiffs(path.split(/[.[]/, 1)[0] ?? path);
    if (replace) replaces.push(path);
  }
  response.setReplacesList(replaces);
  return response;
}

/** The gRPC form of an error. */
function asStatus(error: unknown): object {
  const known = error as { details?: unknown };
  if (typeof known.details === "string") return known;
  return { code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}
