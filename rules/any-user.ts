/**
 * What a program needs of its environment to run as a user that no passwd entry names, as OpenShift's random ones: who it is
 * (Python's getpass and torch ask the variables before getpwuid, which fails), and places that it may write to. The Tasks that
 * deploy models read the same file.
 */
import anyUser from "../tasks/common/any_user.json" with { type: "json" };

/** Who a program is. Of these no image has a meaning of its own. */
export const identity: Readonly<Record<string, string>> = anyUser.identity;

/** Also where it keeps what it writes: all below /tmp, which must be a volume, or be writable in the image. */
export const anyUserEnv: Readonly<Record<string, string>> = { ...anyUser.identity, ...anyUser.places };
