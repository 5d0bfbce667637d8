/**
 * Regular expressions that cannot hang the process. Patterns and texts both come from outside: a pattern such as
 * `(a+)+$` takes years for a line of 60 letters, and nothing in JavaScript interrupts it.
 *
 * V8 counts how often a match turns back, and can end it at a limit; the function for that is reached by its own syntax.
 * Measured on Node 20, 22, 24 and 26: the limit is met after at most 40 ms for short lines, and an expression with a
 * limit is as fast as one without. Where a V8 has no such function, a match runs under `node:vm` with a deadline, which
 * costs some 60 microseconds each.
 */

import { setFlagsFromString } from "node:v8";
import { createContext, Script } from "node:vm";

/** A line of a megabyte may turn back once for every letter. */
const BACKTRACK_LIMIT = 1_000_000;

/** For runtimes without a count. */
const DEADLINE_MS = 200;

/** As `new RegExp`; `exec` and `test` give no match when they would take too long. Throws SyntaxError. */
export function boundedRegExp(pattern: string, flags: string): RegExp {
  return canCount ? countedRegExp(pattern, flags, BACKTRACK_LIMIT) : new DeadlineRegExp(pattern, flags);
}

/**
 * V8's own maker. The syntax is on for this moment only: code that V8 compiles later has it not. V8 keeps compiled
 * expressions by their source, whatever their limit: the empty group makes this source one that nobody else has.
 */
function countedRegExp(pattern: string, flags: string, limit: number): RegExp {
  setFlagsFromString("--allow-natives-syntax");
  try {
    const make = new Function("p", "f", "l", "return %NewRegExpWithBacktrackLimit(p, f, l)");
    return make(`${pattern}(?:)`, flags, limit) as RegExp;
  } finally {
    setFlagsFromString("--no-allow-natives-syntax");
  }
}

/** Whether this V8 has the function and keeps the limit: the first alternative below fails after thousands of turns. */
const canCount = (() => {
  const text = `${"a".repeat(12)}b`;
  try {
    const isKept = !countedRegExp("^(?:(?:a+)+x|a+b)", "", 8).test(text);
    return isKept && countedRegExp("^(?:(?:a+)+y|a+b)", "", BACKTRACK_LIMIT).test(text);
  } catch {
    return false;
  }
})();

/** Runs each match in a context of its own, where it can be interrupted. */
export class DeadlineRegExp extends RegExp {
  static readonly #script = new Script("regexp.exec(text)");
  readonly #plain: RegExp;
  readonly #context: { regexp: RegExp; text: string };

  constructor(pattern: string, flags: string) {
    super(pattern, flags);
    this.#plain = new RegExp(pattern, flags);
    this.#context = { regexp: this.#plain, text: "" };
    createContext(this.#context);
  }

  override exec(text: string): RegExpExecArray | null {
    this.#context.text = text;
    try {
      return DeadlineRegExp.#script.runInContext(this.#context, { timeout: DEADLINE_MS }) as RegExpExecArray | null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return null;
      throw error;
    }
  }
}
