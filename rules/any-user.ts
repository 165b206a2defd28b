/**
 * The environment that a program needs to run as a user without a passwd entry, such as OpenShift's random ones: the user's name
 * (Python's getpass and torch read these variables before they call getpwuid, which fails), and writable directories. The Tasks
 * that deploy models read the same file.
 */
import anyUser from "../tasks/common/any_user.json" with { type: "json" };

/** The user's name. No image uses these variables for anything else. */
export const identity: Readonly<Record<string, string>> = anyUser.identity;

/** Also the directories that it writes to: all below /tmp, which must be a volume or writable in the image. */
export const anyUserEnv: Readonly<Record<string, string>> = { ...anyUser.identity, ...anyUser.places };
