import type * as engineMessages from "@pulumi/pulumi/proto/engine_pb.js";
import { engineAddress, grpc, protocol } from "./plugin-server.ts";

interface EngineClient {
  log(request: engineMessages.LogRequest, callback: () => void): void;
}

const messages = protocol<typeof engineMessages>("engine_pb");
const { EngineClient } = protocol<{
  EngineClient: new (address: string, credentials: unknown) => EngineClient;
}>("engine_grpc_pb");
let engine: EngineClient | undefined;

function log(severity: engineMessages.LogSeverity, urn: string, message: string, ephemeral: boolean): void {
  engine ??= new EngineClient(engineAddress(), grpc.credentials.createInsecure());
  const request = new messages.LogRequest();
  request.setSeverity(severity);
  request.setMessage(message);
  request.setUrn(urn);
  request.setEphemeral(ephemeral);
  // What is logged is for people: an engine that does not take it is no reason to fail.
  engine.log(request, () => {});
}

/** Shows a warning with the resource `urn`; with an empty URN, with the whole stack. */
export function warn(urn: string, message: string): void {
  log(messages.LogSeverity.WARNING, urn, message, false);
}

/** Shows what the resource `urn` is doing now, beside its row. */
export function status(urn: string, message: string): void {
  log(messages.LogSeverity.INFO, urn, message, true);
}
