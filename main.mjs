/** Pulumi's entry point: loads index.ts after a check of Node's version. Plain JavaScript, so that any version can run it. */

import compileCache from "@modelcar/kubernetes/compile-cache";
import nodeVersion from "@modelcar/kubernetes/node-version";
import pulumi from "@pulumi/pulumi";

const problem = nodeVersion.nodeProblem();
if (problem) throw new pulumi.RunError(problem);
compileCache.enable();

/** The stack's outputs. */
export default await import("./index.ts");
