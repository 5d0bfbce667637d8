/**
 * Joins the lines of a container that its runtime cut into parts: `P` lines of a stream, up to its next `F` line. Parts
 * of stdout and stderr may alternate. The joined line has the time of its first part, and goes through the same parser
 * as a whole one.
 */

import { MalformedError } from "../errors.ts";
import type { CriLine } from "./cri.ts";
import type { Parser, ParseTarget } from "./parser.ts";

const NEWLINE = 0x0a;
const PART = 0x50;
const COLON = 0x3a;

/** Parts of one line, in the order in which they were written. */
interface OpenLine {
  /** Time, stream, and the blanks behind them. */
  readonly head: Buffer;
  readonly messages: Buffer[];
}

/** `single` parses one line; `line` cuts one. */
export function joiningParser(single: Parser, line: CriLine): Parser {
  const joiner = new PartJoiner(single, line);
  return {
    isMultiline: true,
    isWhole: (bytes, start, end) => joiner.isWhole(bytes, start, end),
    parse: (bytes, start, end, target) => joiner.parse(bytes, start, end, target),
  };
}

class PartJoiner {
  readonly #single: Parser;
  readonly #line: CriLine;
  readonly #open = new Map<string, OpenLine>();

  constructor(single: Parser, line: CriLine) {
    this.#single = single;
    this.#line = line;
  }

  /** Whether every line that has parts in these lines has its last one, too. */
  isWhole(bytes: Buffer, start: number, end: number): boolean {
    if (isOneLine(bytes, start, end)) return !this.#line.cut(bytes, start, end) || !this.#isPart(bytes);
    const open = new Set<string>();
    for (const [from, to] of linesOf(bytes, start, end)) {
      if (!this.#line.cut(bytes, from, to)) continue;
      const stream = this.#streamOf(bytes);
      if (this.#isPart(bytes)) open.add(stream);
      else open.delete(stream);
    }
    return open.size === 0;
  }

  /** What is still open at the end is written as far as it goes, with the logtag `P`. */
  parse(bytes: Buffer, start: number, end: number, target: ParseTarget): boolean {
    if (isOneLine(bytes, start, end)) return this.#single.parse(bytes, start, end, target);
    let matches = true;
    for (const [from, to] of linesOf(bytes, start, end)) {
      if (!this.#parseLine(bytes, from, to, target)) matches = false;
    }
    for (const open of this.#open.values()) {
      if (!this.#write(open, "P", target)) matches = false;
    }
    this.#open.clear();
    return matches;
  }

  #parseLine(bytes: Buffer, start: number, end: number, target: ParseTarget): boolean {
    const line = this.#line;
    if (!line.cut(bytes, start, end)) return false;
    const stream = this.#streamOf(bytes);
    const isPart = this.#isPart(bytes);
    const open = this.#open.get(stream);
    if (!open && !isPart) return this.#tryParse(bytes, start, end, target);
    const message = bytes.subarray(line.logtagEnd + 1, end);
    const joined = open ?? { head: bytes.subarray(start, line.streamEnd + 1), messages: [] };
    joined.messages.push(message);
    if (isPart) {
      this.#open.set(stream, joined);
      return true;
    }
    this.#open.delete(stream);
    return this.#write(joined, "F", target);
  }

  #write({ head, messages }: OpenLine, logtag: "F" | "P", target: ParseTarget): boolean {
    const text = Buffer.concat([head, Buffer.from(`${logtag} `), ...messages]);
    return this.#tryParse(text, 0, text.length, target);
  }

  /** One line that cannot be read must not take the others with it. */
  #tryParse(bytes: Buffer, start: number, end: number, target: ParseTarget): boolean {
    const [length, size] = [target.writer.length, target.size];
    try {
      return this.#single.parse(bytes, start, end, target);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      target.writer.truncate(length);
      target.size = size;
      return false;
    }
  }

  #streamOf(bytes: Buffer): string {
    return bytes.toString("latin1", this.#line.timeEnd + 1, this.#line.streamEnd);
  }

  /** `P`, or `P:` and further tags. */
  #isPart(bytes: Buffer): boolean {
    const { streamEnd, logtagEnd } = this.#line;
    if (bytes[streamEnd + 1] !== PART) return false;
    return logtagEnd === streamEnd + 2 || bytes[streamEnd + 2] === COLON;
  }
}

function isOneLine(bytes: Buffer, start: number, end: number): boolean {
  const newline = bytes.indexOf(NEWLINE, start);
  return newline < 0 || newline >= end;
}

/** Where each line begins and ends. */
function* linesOf(bytes: Buffer, start: number, end: number): IterableIterator<[from: number, to: number]> {
  for (let from = start; ; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline < 0 || newline >= end ? end : newline;
    yield [from, to];
    if (to === end) return;
    from = to + 1;
  }
}
