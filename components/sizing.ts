/** What sizing finds, said where people look before they spend: in `pulumi preview`. */
import * as pulumi from "@pulumi/pulumi";
import { type Config, mistakes } from "../config.ts";
import type { PodDemand } from "../sizing/demand.ts";
import { sizeStack } from "../sizing/report.ts";
import { containerDefaults } from "./manifests/project.ts";

/** Prints the arithmetic. Throws an error that lists everything that does not fit, so that nothing of it is created. */
export function checkSizes(config: Config, tasks: readonly PodDemand[]): void {
  const { errors, warnings, lines } = sizeStack(config, tasks, containerDefaults);
  if (errors.length > 0) throw mistakes(errors);
  for (const warning of warnings) pulumi.log.warn(warning);
  pulumi.log.info(lines.join("\n"));
}
