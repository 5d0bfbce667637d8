/**
 * Regular expressions that cannot hang the process. Patterns and texts both come from outside: a pattern such as
 * `(a+)+$` takes years for a line of 60 letters, `\s+$` takes an hour for a megabyte of blanks, and nothing in JavaScript
 * interrupts a match. Two bounds stand against that:
 *
 * - Steps, for every text. V8 counts how often a match turns back, and can end it at a limit; the function for that is
 *   reached by its own syntax. It costs nothing. Loops over one set of signs turn back without being counted, and every
 *   step may read on to the end: a short text is through in half a second at worst all the same, a long one is not.
 * - A deadline, for texts beyond UNTIMED_LENGTH: they run under `node:vm`, whose watch can interrupt a match. It costs
 *   some 60 microseconds a run.
 *
 * Whether this V8 has the function and keeps the limit is tried at the start (it is so on Node 20, 22, 24 and 26). Where
 * it does not, every text runs under the deadline.
 */

import { setFlagsFromString } from "node:v8";
import { createContext, Script } from "node:vm";

/** A line of a megabyte may turn back once for every letter. */
const BACKTRACK_LIMIT = 1_000_000;

/** Signs. The worst texts of this length take some 30 milliseconds. */
const UNTIMED_LENGTH = 4096;

/** Much longer than any honest match takes, also on a machine that gives this process a tenth of its time. */
const DEADLINE_MS = 1000;

/** A match that takes too long is no match; so is each that follows it in the same text. */
export class BoundedRegExp extends RegExp {
  /** Whether Ruby's expression is one of letters: it cannot be matched with bytes beyond ASCII. */
  isOfLetters = false;
  /** Ruby's expression, as a configuration has it. */
  written: string | undefined;
  readonly #plain: RegExp;
  readonly #untimedLength: number;
  readonly #deadlineMs: number;
  /** For all matches of a text; made when first needed. */
  #global: RegExp | undefined;

  /** `countsSteps`: whether V8 bounds the steps; without it every match has the deadline. Throws SyntaxError. */
  constructor(pattern: string, flags: string, deadlineMs: number = DEADLINE_MS, countsSteps: boolean = canCount) {
    super(pattern, flags);
    this.#plain = countsSteps ? countedRegExp(pattern, flags, BACKTRACK_LIMIT) : new RegExp(pattern, flags);
    this.#untimedLength = countsSteps ? UNTIMED_LENGTH : 0;
    this.#deadlineMs = deadlineMs;
  }

  /** From the beginning of the text, also where the expression is sticky, as one with `\G` is. */
  override exec(text: string): RegExpExecArray | null {
    this.#plain.lastIndex = 0;
    if (text.length <= this.#untimedLength) return this.#plain.exec(text);
    return withinDeadline(() => this.#plain.exec(text), this.#deadlineMs) ?? null;
  }

  override test(text: string): boolean {
    this.#plain.lastIndex = 0;
    if (text.length <= this.#untimedLength) return this.#plain.test(text);
    return withinDeadline(() => this.#plain.test(text), this.#deadlineMs) ?? false;
  }

  /** Every match, from the first to the last. None of a text for which that would take too long. */
  matches(text: string): RegExpExecArray[] {
    this.#global ??= this.#untimedLength
      ? countedRegExp(this.source, `${this.flags}g`, BACKTRACK_LIMIT)
      : new RegExp(this.source, `${this.flags}g`);
    const global = this.#global;
    const find = () => {
      const found: RegExpExecArray[] = [];
      global.lastIndex = 0;
      for (let match = global.exec(text); match; match = global.exec(text)) {
        found.push(match);
        if (match[0] === "") global.lastIndex = next(text, global);
      }
      return found;
    };
    return (text.length <= this.#untimedLength ? find() : withinDeadline(find, this.#deadlineMs)) ?? [];
  }
}

/** As `new RegExp`, in bounded time. `deadlineMs` is for texts that are long enough to need one. Throws SyntaxError. */
export function boundedRegExp(pattern: string, flags: string, deadlineMs?: number): BoundedRegExp {
  return new BoundedRegExp(pattern, flags, deadlineMs);
}

/** Behind an empty match: a letter further, or two halves of one. */
function next(text: string, { lastIndex, flags }: RegExp): number {
  const isPair = /[uv]/.test(flags) && (text.codePointAt(lastIndex) ?? 0) > 0xffff;
  return lastIndex + (isPair ? 2 : 1);
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

/** The first alternative below fails after thousands of turns. */
const canCount: boolean = (() => {
  const text = `${"a".repeat(12)}b`;
  try {
    const isKept = !countedRegExp("^(?:(?:a+)+x|a+b)", "", 8).test(text);
    return isKept && countedRegExp("^(?:(?:a+)+y|a+b)", "", BACKTRACK_LIMIT).test(text);
  } catch {
    return false;
  }
})();

/** Made when the first text needs it. */
let watched: { readonly script: Script; readonly context: { work: () => unknown } } | undefined;

const idle = () => undefined;

/** What `work` gives; undefined when it takes longer than the deadline. */
function withinDeadline<T>(work: () => T, deadlineMs: number): T | undefined {
  watched ??= { script: new Script("work()"), context: createContext({ work: idle }) as { work: () => unknown } };
  const { script, context } = watched;
  context.work = work;
  try {
    return script.runInContext(context, { timeout: deadlineMs }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined;
    throw error;
  } finally {
    context.work = idle;
  }
}
