/** Keys that all volume claims of the config share. */
import { boolean, choice, nonEmpty } from "./fields.ts";

export const accessMode = choice("ReadWriteOnce", "ReadWriteMany").default("ReadWriteOnce");

export const volume = {
  /** Class of the volume. Default: the cluster's default class. */
  storageClass: nonEmpty.optional(),
  /** Keep the claim and its data when the stack is destroyed. */
  retain: boolean.default(false),
};
