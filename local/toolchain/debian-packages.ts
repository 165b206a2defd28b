/** The Debian packages that the embedded platform unpacks; `npm run update -- debian` writes `debian.lock.json` from the list. */
import { run } from "../run.ts";

export const unpackedPackages: readonly string[] = [
  // the node: process 1, supervision, the container runtime and its network
  "tini",
  "runit",
  "busybox-static",
  "containerd",
  "runc",
  "libseccomp2",
  "containernetworking-plugins",
  // what kube-proxy, kube-router and the CNI plugins call
  "iptables",
  "ipset",
  "conntrack",
  "libip4tc2",
  "libip6tc2",
  "libipset13",
  "libxtables12",
  "libmnl0",
  "libnetfilter-conntrack3",
  "libnfnetlink0",
  "libnftnl11",
  // certificates
  "openssl",
  "libssl3",
  // images
  "mmdebstrap",
  "buildah",
  "libgpgme11",
  "libassuan0",
  "libgpg-error0",
  "libdevmapper1.02.1",
  "libudev1",
  "libselinux1",
  "libpcre2-8-0",
  // makes the programs above find their libraries where they are unpacked
  "patchelf",
];

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/**
 * These packages' versions in the suite bookworm itself, the only one that the embedded platform uses: security updates arrive
 * with the next point release.
 */
export async function packagesOfBookworm(names: readonly string[]): Promise<Map<string, DebianPackage>> {
  const unique = [...new Set(names)].map((name) => `${name}/bookworm`);
  return readPackages(await run("apt-cache", ["show", "--no-all-versions", ...unique]));
}

/** The records that `apt-cache show` prints, by name. */
export function readPackages(output: string): Map<string, DebianPackage> {
  const records = output.split(/\n\n+/).filter((record) => record.trim() !== "");
  return new Map(
    records.map((record) => {
      const field = (key: string) => {
        const value = new RegExp(`^${key}: (.+)$`, "m").exec(record)?.[1];
        if (value === undefined)
          throw new Error(`apt-cache show: a record has no ${key}: ${record.slice(0, 80)}`);
        return value;
      };
      const name = field("Package");
      return [name, { name, version: field("Version"), sha256: field("SHA256") }];
    }),
  );
}
