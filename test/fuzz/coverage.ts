/** Which blocks of Suiro's own code ran, as V8 counts them. */

import { Session } from "node:inspector";

interface FunctionCoverage {
  readonly functionName: string;
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

interface Taken {
  readonly result: readonly {
    readonly scriptId: string;
    readonly url: string;
    readonly functions: FunctionCoverage[];
  }[];
}

export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Blocks that were ever seen. */
  get size(): number {
    return this.#seen.size;
  }

  /** Blocks that ran since the last call and never before; with `remember` they are known from now on. */
  takeNew(remember: boolean): string[] {
    const found: string[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (error: Error | null, taken: Taken) => {
      if (error) throw error;
      for (const { scriptId, url, functions } of taken.result) {
        if (!url.includes("/build/src/")) continue;
        for (const { ranges } of functions) {
          for (const { startOffset, endOffset, count } of ranges) {
            const block = `${scriptId}:${startOffset}:${endOffset}:${Math.min(4, Math.floor(Math.log2(count + 1)))}`;
            if (count > 0 && !this.#seen.has(block)) found.push(block);
          }
        }
      }
    });
    if (remember) for (const block of found) this.#seen.add(block);
    return found;
  }

  stop(): void {
    this.#session.disconnect();
  }
}
