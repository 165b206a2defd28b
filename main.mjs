/** Where Pulumi enters: loads index.ts, once it is sure that this Node can. Plain JavaScript, so that any Node reads it. */
import pulumi from "@pulumi/pulumi";
import compileCache from "./components/compile-cache.cjs";
import nodeVersion from "./components/node-version.cjs";

const problem = nodeVersion.nodeProblem();
if (problem) throw new pulumi.RunError(problem);
compileCache.enable();

/** The stack's outputs. */
export default await import("./index.ts");
