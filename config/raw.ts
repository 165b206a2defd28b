/** Config before it is parsed, and the function that reports mistakes in it. */

// biome-ignore lint/suspicious/noExplicitAny: nothing is known of raw values; each use checks what it needs.
export type Raw = any;

/** Adds one mistake: the key's path and the rest of the line. */
export type Report = (path: readonly (string | number)[], message: string) => void;
