/** A Service and the path on it, from a gateway URL. */
export interface ServicePath {
  readonly namespace: string;
  readonly service: string;
  /** 80 unless the URL names another. */
  readonly port: number;
  /** With its leading slash and query. */
  readonly path: string;
}

const label = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const pattern = new RegExp(
  `^/(?<namespace>${label})/(?<service>${label})(?::(?<port>\\d{1,5}))?(?<path>[/?].*)?$`,
);

/** Reads `/<namespace>/<service>[:port]/<path>`; undefined if the URL has another form. */
export function parseServicePath(url: string): ServicePath | undefined {
  const groups = pattern.exec(url)?.groups;
  if (!groups?.namespace || !groups.service) return undefined;
  const port = Number(groups.port ?? 80);
  if (port < 1 || port > 65_535) return undefined;
  const path = groups.path ?? "/";
  return {
    namespace: groups.namespace,
    service: groups.service,
    port,
    path: path.startsWith("/") ? path : `/${path}`,
  };
}
