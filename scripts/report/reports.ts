/** The reports in a bucket, as task compare-models stores them: reports/<model>/<uid of the run>/<file>. */

import type { Config } from "../../config/config.ts";
import { isCompared } from "../../rules/candidate.ts";
import { bringsUp } from "./object-store.ts";
import type { S3Reader } from "./s3.ts";

const prefix = "reports/";
const page = /^reports\/([A-Za-z0-9._-]+)\/([\w-]+)\/report\.html$/;

export interface Report {
  readonly model: string;
  /** UID of the PipelineRun that compared. */
  readonly uid: string;
  readonly lastModified: Date;
}

/** The key of a report's file. */
export const keyOf = ({ model, uid }: Report, file: string): string => `${prefix}${model}/${uid}/${file}`;

/**
 * All reports, newest first. They are searched in the bucket, because a run whose gate fails leaves its report only
 * there.
 */
export async function reportsIn(bucket: S3Reader): Promise<Report[]> {
  const found = (await bucket.list(prefix)).flatMap(({ key, lastModified }) => {
    const [, model, uid] = page.exec(key) ?? [];
    return model && uid ? [{ model, uid, lastModified }] : [];
  });
  return found.toSorted((a, b) => b.lastModified.getTime() - a.lastModified.getTime());
}

/** The newest report of one model, or of all. Throws an Error that lists the models with reports, or says what makes one. */
export function newest(
  reports: readonly Report[],
  model: string | undefined,
  config: Config,
  stack: string,
): Report {
  const found = model === undefined ? reports[0] : reports.find((report) => report.model === model);
  if (found) return found;
  const { bucket } = config.objectStore;
  if (model !== undefined && reports.length > 0) {
    const known = [...new Set(reports.map((report) => report.model))].toSorted().join(", ");
    throw new Error(
      `there is no report of ${model} in s3://${bucket}/${prefix}; there are reports of ${known}`,
    );
  }
  const compared = config.models.filter(isCompared).map(({ name }) => name);
  const makes =
    compared.length > 0
      ? `${bringsUp(stack)} makes those of ${compared.join(", ")}, by pipeline model-comparison`
      : `${bringsUp(stack)} makes one for a model with test.base or with a gate in test, and the stack has none`;
  throw new Error(`there is no report in s3://${bucket}/${prefix} yet: ${makes}`);
}
