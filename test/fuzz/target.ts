/** What is fuzzed: code that reads bytes which somebody else chose. */

import assert from "node:assert/strict";
import { SuiroError } from "../../src/errors.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Inputs to begin with. */
  readonly seeds: readonly Buffer[];
  /** Pieces that mean something to the target. */
  readonly words?: readonly Buffer[];
  /** Longer inputs are cut. */
  readonly mostBytes?: number;
  /** Throws when the target breaks a promise; errors that it may raise on purpose are not thrown on. */
  run(bytes: Buffer): void | Promise<void>;
}

/** Runs `action`; only errors that Suiro raises on purpose may come. Undefined when one did. */
export function expectOwnErrors<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SuiroError)) throw error;
    assert.ok(error.message.length < 5000, "an error must not carry what was received");
    return undefined;
  }
}

/** The same for a promise. */
export async function expectOwnErrorsOf<T>(action: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof SuiroError)) throw error;
    return undefined;
  }
}
