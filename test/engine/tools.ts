import { statSync } from "node:fs";
import { join } from "node:path";

/** Where each tool lies in the folder of tools. */
const PATHS: Record<string, readonly string[]> = {
  pulumi: ["pulumi", "pulumi/pulumi"],
  etcd: ["etcd", "etcd/server"],
  "kube-apiserver": ["kube-apiserver", "kubernetes/kube-apiserver"],
  "kube-controller-manager": ["kube-controller-manager", "kubernetes/kube-controller-manager"],
};

/** The path of a tool in the folder that `MODELCAR_TOOLS` names; throws when it is not there. */
export function tool(name: keyof typeof PATHS): string {
  const folder = process.env.MODELCAR_TOOLS;
  if (!folder) throw new Error("MODELCAR_TOOLS must name the folder of built tools");
  const candidates = (PATHS[name] ?? []).map((path) => join(folder, path));
  const found = candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (found === undefined)
    throw new Error(`MODELCAR_TOOLS has no ${name}: looked at ${candidates.join(", ")}`);
  return found;
}
