/** Shows the results of sizing in `pulumi preview`. */
import * as pulumi from "@pulumi/pulumi";
import type { SizingReport } from "../sizing/report.ts";
import { mistakes } from "./load.ts";

/** Prints the sizing. Throws an error that lists everything that does not fit, before anything is created. */
export function stopUnlessItFits({ errors, warnings, lines }: SizingReport): void {
  if (errors.length > 0) throw mistakes(errors);
  for (const warning of warnings) pulumi.log.warn(warning);
  pulumi.log.info(lines.join("\n"));
}
