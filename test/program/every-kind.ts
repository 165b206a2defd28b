/** A stack with everything that the program can declare on plain Kubernetes. */
import { digest, stackConfig } from "./record.ts";

/** The stack `local` with models on volumes of their own, models that their pods fetch, a key, alerts and a chat UI. */
export const everyKind = stackConfig("local", (config) => {
  const [sums] = config.models;
  const bare = { ...sums, test: undefined };
  const onVolume = (name: string) => ({
    ...bare,
    name,
    package: { kind: "pvc", claim: `${name}-files`, size: "2Gi", retain: name === "kept" },
  });
  const fetched = (name: string) => ({
    ...bare,
    name,
    package: undefined,
    source: { uri: `oci://registry.test/${name}@sha256:${digest}` },
    serve: { ...sums.serve, auth: true, mode: "deployment", cache: { size: "1Gi", fetch: "oras" } },
  });
  config.models.push(onVolume("kept"), onVolume("scratch"), fetched("pulled"), fetched("drawn"));
  config.endpoint = { exposure: "ingress", domain: "models.test" };
  config.monitoring = { alerts: true, serviceMonitor: true };
  config.chat = { model: "pulled" };
});
