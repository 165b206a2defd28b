import { existsSync } from "node:fs";
import { type GoToolName, goProgram } from "../../local/toolchain/go.ts";

/** The tool that builds each program. */
const programs = {
  pulumi: "pulumi",
  etcd: "etcd",
  "kube-apiserver": "kubernetes",
  "kube-controller-manager": "kubernetes",
  minio: "minio",
} as const satisfies Record<string, GoToolName>;

export type Program = keyof typeof programs;

/**
 * A program that the embedded platform builds.
 * @throws Error if it isn't built: these tests need it and are never skipped.
 */
export function tool(name: Program): string {
  const path = goProgram(programs[name], name);
  if (!existsSync(path)) throw new Error(`${name} is not built: run npm test -- engine, which builds it`);
  return path;
}
