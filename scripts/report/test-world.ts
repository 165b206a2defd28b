/** For tests: the command with a stand-in for the API server, in front of an existing S3 service. */

import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { forwardPods } from "@modelcar/kubernetes/testing/fake-port-forward";
import type { Manifest } from "../../test/program/record.ts";
import { directory, stackFileOf } from "../pipelines/test-stack.ts";
import { main, type World } from "./main.ts";
import type { S3Login } from "./s3.ts";

export const secret = "/api/v1/namespaces/private-ai-demo/secrets/minio-credentials";
export const pods = "/api/v1/namespaces/model-storage/pods";
export const defaultLogin: S3Login = { accessKeyId: "key", secretAccessKey: "very secret" };

const base64 = (text: string) => Buffer.from(text).toString("base64");

export class TestWorld {
  readonly api: FakeApi;
  /** namespace/pod:port of every port-forward. */
  readonly forwards: readonly string[];
  readonly out: string[] = [];
  readonly problems: string[] = [];

  private constructor(api: FakeApi, port: number) {
    this.api = api;
    this.forwards = forwardPods(api, { "model-storage/minio-1:9000": port });
    this.pod("minio-1", "True");
  }

  /** `port` is that of S3, which becomes pod minio-1. */
  static async start(port: number, login = defaultLogin): Promise<TestWorld> {
    const world = new TestWorld(await FakeApi.start(), port);
    world.login(login);
    return world;
  }

  login({ accessKeyId, secretAccessKey }: S3Login): void {
    this.api.put(secret, {
      metadata: { name: "minio-credentials" },
      data: { AWS_ACCESS_KEY_ID: base64(accessKeyId), AWS_SECRET_ACCESS_KEY: base64(secretAccessKey) },
    });
  }

  pod(name: string, ready: "True" | "False"): void {
    this.api.put(`${pods}/${name}`, {
      metadata: { name, labels: { "app.kubernetes.io/name": "minio" } },
      status: { phase: "Running", conditions: [{ type: "Ready", status: ready }] },
    });
  }

  run(args: readonly string[], stackFile: string, more: Partial<World> = {}): Promise<number> {
    return main([...args, "--config-file", stackFile], {
      directory,
      connect: () => this.api.cluster(),
      terminal: {
        result: (text) => this.out.push(text),
        progress: (line) => this.out.push(line),
        problem: (line) => this.problems.push(line),
      },
      open: undefined,
      ...more,
    });
  }
}

/** A stack file of `local` with an object store that is not its own. */
export const elsewhere = (endpoint: string) =>
  stackFileOf("local", (config: Manifest) => {
    config.objectStore = { endpoint, bucket: "llm-models" };
    Object.assign(config, { objectStoreAccessKey: "a", objectStoreSecretKey: "b" });
  });
