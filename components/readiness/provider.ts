/** For models in states older than the package @modelcar/kserve-readiness: components/dynamic.cjs loads this. */
import { readinessProvider } from "@modelcar/kserve-readiness/logic";
import { conventions } from "./conventions.ts";

export const { configure, diff, create, read, update } = readinessProvider(conventions);
