/** For states of the time before the package: what components/dynamic.cjs loads for their models. */
import { readinessProvider } from "@modelcar/kserve-readiness/logic";
import { conventions } from "./conventions.ts";

export const { configure, diff, create, read, update } = readinessProvider(conventions);
