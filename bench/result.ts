/** The measurements of one subject in one row, and the figures that are drawn from several. */

import type { Measurement } from "./measurement.ts";
import type { Row } from "./rows.ts";

export interface Result {
  readonly row: Row;
  readonly subject: string;
  readonly runs: Measurement[];
  readonly failures: string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** Half the range between the least and the greatest, in percent of the median. */
export function spread(values: readonly number[]): number {
  return ((Math.max(...values) - Math.min(...values)) / 2 / median(values)) * 100;
}

/** The median of a figure of all runs. */
export function medianOf({ runs }: Result, read: (run: Measurement) => number): number {
  return median(runs.map(read));
}

/** CPU µs per event. */
export function cpuOf(result: Result): number {
  return medianOf(result, (run) => run.cpuMicrosecondsPerEvent);
}

/** The result of another subject in the same row, if it was measured. */
export function besides(results: readonly Result[], { row }: Result, subject: string): Result | undefined {
  return results.find((other) => other.row === row && other.subject === subject && other.runs.length > 0);
}
