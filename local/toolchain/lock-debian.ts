/**
 * Writes `debian.lock.json`: the exact Debian packages that the embedded platform unpacks, with their SHA-256.
 * Run it by hand (`node local/toolchain/lock-debian.ts`) on a Debian 12 machine after changing the list below;
 * the versions are those of the `bookworm` suite itself, which no longer changes.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const packages = [
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

const lock = packages.map((name) => {
  const records = execFileSync("apt-cache", ["show", "--no-all-versions", `${name}/bookworm`], {
    encoding: "utf8",
  });
  const field = (key: string) => {
    const value = new RegExp(`^${key}: (.+)$`, "m").exec(records)?.[1];
    if (value === undefined) throw new Error(`${name}: apt-cache show has no ${key}`);
    return value;
  };
  return { name, version: field("Version"), sha256: field("SHA256") };
});
writeFileSync(new URL("debian.lock.json", import.meta.url), `${JSON.stringify(lock, null, 2)}\n`);
