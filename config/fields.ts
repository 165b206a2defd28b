/** Types of single config values; each error completes the sentence "must be …". */
import { z } from "zod";
import { formatBytes, formatCpu, isQuantity, parseQuantity } from "../sizing/quantity.ts";

/** A string that matches a pattern. */
export const text = (pattern: RegExp, allowed: string) =>
  z.string({ error: allowed }).regex(pattern, { error: allowed });

export const integer = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const number = (min: number, max: number) => {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};

export const boolean = z.boolean({ error: "true or false" });

const quantity = (format: (amount: number) => string, example: string) => {
  const allowed = `a Kubernetes quantity above zero, such as ${example}`;
  return z
    .string({ error: allowed })
    .refine((value) => isQuantity(value) && parseQuantity(value) > 0, { error: allowed })
    .transform((value) => format(parseQuantity(value)));
};
export const cpu = quantity(formatCpu, '"6" or "500m"');
export const bytes = quantity(formatBytes, '"16Gi"');

export const choice = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `one of: ${values.join(", ")}` });

export const list = <T extends z.ZodType>(item: T, of: string) => z.array(item, { error: `a list of ${of}` });

/** Values by name. */
export const record = <T extends z.ZodType>(value: T, of: string) => z.record(nonEmpty, value, { error: of });

export const nonEmpty = text(/\S/, "a text that is not empty");

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/** The value of a Kubernetes label; it may be empty. */
export const labelValue = text(
  /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/,
  "a label's value: at most 63 letters, digits, `-`, `_` and `.`",
);

/** A name of at most `max` characters, such as that of a namespace or a claim. */
export const dnsLabel = (max = 63) => {
  const allowed = `at most ${max} lower-case letters, digits and hyphens, starting and ending with a letter or digit`;
  return text(new RegExp(`^${label}$`), allowed).max(max, { error: allowed });
};

export const dnsName = text(
  new RegExp(`^(?!(.*\\.)?[^.]{64})${label}(\\.${label})+$`),
  "a domain name in lower case, such as apps.example.com",
).max(200, { error: "a domain name of at most 200 characters" });

const urlForm = "an http:// or https:// URL without query, of a host and a port up to 65535";

/** Without trailing slashes, so that paths can follow, and without a password, which state would hold in plain text. */
export const url = z
  .string({ error: urlForm })
  .refine((value) => /^https?:\/\/[^\s/?#]+[^\s?#]*$/.test(value) && URL.canParse(value), {
    error: urlForm,
    abort: true,
  })
  .refine((value) => new URL(value).username + new URL(value).password === "", {
    error:
      "a URL without user and password: give them as secrets instead (hfToken, modelRegistryToken, or objectStoreAccessKey " +
      "and objectStoreSecretKey)",
  })
  .transform((value) => value.replace(/\/+$/, ""));

/** Host[:port] of the registry in a full image name. */
export const registryOf = (image: string): string => image.split("/")[0] ?? "";

/** Whether the part before the first slash is a host[:port]. */
export const isRegistryHost = (value: string) => URL.canParse(`https://${registryOf(value)}`);

/** A registry's host[:port], with a repository if the pattern allows it. */
export const registryHost = (pattern: RegExp, allowed: string) =>
  z
    .string({ error: allowed })
    .regex(pattern, { error: allowed, abort: true })
    .refine(isRegistryHost, { error: `${allowed}, of a host and a port up to 65535` });

export const cidr = z.union([z.cidrv4(), z.cidrv6()], { error: "an address range, such as 10.0.0.0/8" });

export const image = text(
  /^(?!\w+:\/\/)[^\s@]+@sha256:[0-9a-f]{64}$/,
  "an image by digest: <repository>@sha256:<64 hex digits>",
);

/** `major.minor`, as a text, because the number 3.10 would become 3.1. */
export const version = text(/^\d+\.\d+(\.\d+)?$/, 'a version as a quoted text, such as "3.4"');

/** InferenceServices: KServe and its webhooks take at most 53 characters. */
const kserveName =
  "at most 53 lower-case letters, digits and hyphens, starting with a letter (a KServe name)";
export const serviceName = text(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, kserveName).max(53, { error: kserveName });

export const bucket = text(
  /^(?!.*\.\.)[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$/,
  "an S3 bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
);

/**
 * One of two shapes, distinguished by a key that only the first has. Errors are those of the shape that was meant.
 */
export const withOrWithout = <A extends z.ZodType, B extends z.ZodType>(
  key: string,
  withKey: A,
  without: B,
) =>
  z.unknown().transform((value, context): z.output<A> | z.output<B> => {
    const meant = typeof value === "object" && value !== null && key in value ? withKey : without;
    const parsed = meant.safeParse(value);
    if (parsed.success) return parsed.data as z.output<A> | z.output<B>;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });

/** One of several shapes, distinguished by their key `kind`. */
export const kinds = <const T extends readonly z.core.$ZodTypeDiscriminable[]>(
  options: T,
  ...names: string[]
) =>
  z.discriminatedUnion("kind", options as never, {
    error: `one of: ${names.join(", ")}`,
  }) as unknown as z.ZodType<z.output<T[number]>>;
