import * as kserve from "@modelcar/kserve-readiness";
import type * as pulumi from "@pulumi/pulumi";
import { conventions } from "./conventions.ts";

/** A model that answers, with this program's conventions. */
export class Readiness extends kserve.Readiness {
  constructor(name: string, args: kserve.ReadinessArgs, opts?: pulumi.CustomResourceOptions) {
    super(name, args, opts, conventions);
  }
}
