/** For states of the time before the package: what components/dynamic.cjs loads for their runs. */
import { pipelineRunProvider } from "@modelcar/tekton-run/logic";
import { conventions } from "./conventions.ts";

export const { configure, check, diff, create, read, update, remove } = pipelineRunProvider(conventions);
