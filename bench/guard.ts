/**
 * The guard: what Suiro costs beside a yardstick of the same run, compared with what it cost when the guard was saved.
 * The yardstick is the floor where the row has one, else fluentd; so the machine and its load matter little.
 */

import { besides, cpuOf, type Result } from "./result.ts";

/** By row: the yardstick, and the CPU of Suiro divided by that of the yardstick. */
export type Guard = Record<string, { readonly yardstick: string; readonly ratio: number }>;

/** Less than this is noise, even on a machine that does nothing else. */
const TOLERANCE = 1.25;

export function guardOf(results: readonly Result[]): Guard {
  const guard: Guard = {};
  for (const result of measuredSuiro(results)) {
    const yardstick = besides(results, result, "floor") ?? besides(results, result, "fluentd");
    if (!yardstick) continue;
    const ratio = Number((cpuOf(result) / cpuOf(yardstick)).toFixed(3));
    guard[result.row.name] = { yardstick: yardstick.subject, ratio };
  }
  return guard;
}

/** One sentence for each row in which Suiro costs more than the guard allows. */
export function worsened(results: readonly Result[], guard: Guard): string[] {
  return measuredSuiro(results).flatMap((result) => {
    const before = guard[result.row.name];
    const yardstick = before && besides(results, result, before.yardstick);
    if (!yardstick) return [];
    const ratio = cpuOf(result) / cpuOf(yardstick);
    if (ratio <= before.ratio * TOLERANCE) return [];
    const name = `${result.row.name}: ${ratio.toFixed(2)} times the CPU of ${before.yardstick}`;
    return [`${name}, and ${before.ratio.toFixed(2)} times when the guard was saved`];
  });
}

function measuredSuiro(results: readonly Result[]): Result[] {
  return results.filter(({ subject, runs }) => subject === "suiro" && runs.length > 0);
}
