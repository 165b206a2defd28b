/** Names and hosts that are composed of several keys and may be too long together. */

import { appLabel, hostLabel, minio, predictorName } from "../rules/addresses.ts";
import { candidateName, needsCandidate } from "../rules/candidate.ts";
import { externalHost, isExposed } from "../rules/exposure.ts";
import { chatName, databaseName } from "../rules/names.ts";
import kserveNames from "../tasks/common/kserve_names.json" with { type: "json" };
import { dnsLabel, dnsName, serviceName } from "./fields.ts";
import type { Raw, Report } from "./raw.ts";

/** Maximum length of a host's label, a Service's name and a label's value (RFC 1123). */
const longestLabel = kserveNames.longestLabel;
/** Maximum length of a whole host. */
const longestHost = 253;

/** A name that is composed of config values, and what it names. */
interface Made {
  readonly what: string;
  readonly text: string;
  /** Default: {@link longestLabel}. */
  readonly longest?: number;
}

/** By how many characters a name is too long; 0 or less if it is not. */
const excess = ({ text, longest = longestLabel }: Made): number => text.length - longest;

/** Reports a key whose value makes a name too long; of several names, the one that requires the shortest value. */
function fits(value: string, made: readonly Made[], path: readonly (string | number)[], report: Report) {
  const [worst] = [...made].sort((a, b) => excess(b) - excess(a));
  if (!worst || excess(worst) <= 0) return;
  const { what, text, longest = longestLabel } = worst;
  const room = value.length - excess(worst);
  report(
    path,
    `${JSON.stringify(value)} makes ${what} ${text}, which has ${text.length} characters, but may have ${longest}: ` +
      (room > 0
        ? `use at most ${room} characters here, or shorten the other parts of the name`
        : "shorten the other parts of the name"),
  );
}

/** Reports every name and host that would be too long. Invalid names are reported elsewhere. */
export function names(raw: Raw, report: Report): void {
  const { namespace, objectStore, registry, chat, platform } = raw;
  const isName = (value: unknown): value is string => dnsLabel().safeParse(value).success;
  const models: Raw[] = Array.isArray(raw.models) ? raw.models : [];
  for (const [index, model] of models.entries()) {
    if (!serviceName.safeParse(model?.name).success) continue;
    const made = madeOfModel(raw, model, isName(namespace));
    // If the candidate's name is too long in any namespace, report it at the test.
    const own = candidateName(model.name);
    if (needsCandidate(model) && !serviceName.safeParse(own).success) {
      const why = "needs a shorter model name: ";
      fits(model.name, made, ["models", index, "test"], (path, message) => report(path, why + message));
    } else fits(model.name, made, ["models", index, "name"], report);
  }
  if (isName(namespace) && chat && isExposed(raw.endpoint, chat)) {
    const host = { what: "the first part of the chat UI's host", text: hostLabel(chatName, namespace) };
    fits(namespace, [host], ["namespace"], report);
  }
  const store = objectStore?.endpoint === undefined ? objectStore?.namespace : undefined;
  if (isName(store) && platform === "openshift" && objectStore.console !== false) {
    const host = {
      what: "the first part of the host of MinIO's console",
      text: hostLabel(minio.console, store),
    };
    fits(store, [host], ["objectStore", "namespace"], report);
  }
  if (registry?.kind === "own" && isName(registry.name)) {
    const service = { what: "the Service of its database", text: databaseName(registry.name) };
    fits(registry.name, [service], ["registry", "name"], report);
  }
  domain(raw, models, report);
}

/**
 * KServe composes a host for each InferenceService, exposed or not, and creates nothing if the host is invalid; and it sets the
 * Deployment's name as a label.
 */
function madeOfModel(raw: Raw, { name, serve, test }: Raw, inNamespace: boolean): Made[] {
  const host = (what: string, of: string): Made[] =>
    inNamespace ? [{ what: `the first part of ${what}`, text: hostLabel(of, raw.namespace) }] : [];
  const exposed = isExposed(raw.endpoint, serve ?? {}) ? host("its host", name) : [];
  if ((serve?.mode ?? "kserve") !== "kserve") return exposed;
  const before = needsCandidate({ serve, test });
  const own = before ? candidateName(name) : name;
  const of = before ? " for the candidate that it is measured as," : "";
  return [
    ...exposed,
    ...host(`KServe's host${of}`, predictorName(own)),
    { what: `KServe's label app of its pods${of}`, text: appLabel(own) },
  ];
}

/** Reports a domain with which the longest host is too long. */
function domain(raw: Raw, models: readonly Raw[], report: Report): void {
  const under: unknown = raw.endpoint?.domain;
  if (!dnsName.safeParse(under).success || !dnsLabel().safeParse(raw.namespace).success) return;
  const exposed = models.filter(
    (model) => serviceName.safeParse(model?.name).success && isExposed(raw.endpoint, model.serve ?? {}),
  );
  const all = [
    ...exposed.map(({ name }) => name),
    ...(raw.chat && isExposed(raw.endpoint, raw.chat) ? [chatName] : []),
  ];
  const hosts = all.map((name) => ({
    what: "the host",
    text: externalHost(name, raw.namespace, String(under)) ?? "",
    longest: longestHost,
  }));
  fits(String(under), hosts, ["endpoint", "domain"], report);
}
