/**
 * Stand-in for the launcher `pulumi-resource-pulumi-nodejs` of the CLI's release archive: runs the dynamic provider
 * of the installed `@pulumi/pulumi`, which is the official one.
 */
import { endWithEngine, pulumiRequire } from "./plugin-server.ts";

pulumiRequire("@pulumi/pulumi/cmd/dynamic-provider");
endWithEngine();
