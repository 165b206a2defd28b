/** For runs in states older than the package @modelcar/tekton-run: components/dynamic.cjs loads this. */
import { pipelineRunProvider } from "@modelcar/tekton-run/logic";
import { conventions } from "./conventions.ts";

export const { configure, check, diff, create, read, update, remove } = pipelineRunProvider(conventions);
