/**
 * Takes a block of a file apart into units, each one line or the lines of one event, and hands them to LineEvents. It
 * keeps nothing between blocks: what is not a whole unit yet is read again, from the unit's first byte, with what
 * follows it. So the position in the file always says what was passed on, and an idle file costs no memory.
 * Source: fluentd 1.18 in_tail.rb `FIFO#read_lines`, `parse_singleline`, `parse_multilines`.
 */

import type { Parser, ParseTarget } from "../../parser/parser.ts";
import type { LineEvents, TextSource } from "./line-events.ts";

export interface BlockEnd {
  /** Stop once so many lines are taken. */
  readonly maxLines: number;
  /** Nothing follows: a last line without its end, and a last event, are whole. */
  readonly isFinal: boolean;
  /** The lines of an event that is not known to be whole are one now. */
  readonly flushes: boolean;
  /** Bytes from the block's start in which the end of a unit was looked for in vain before. */
  readonly searched: number;
}

export interface Taken {
  /** Bytes of whole units. */
  bytes: number;
  lines: number;
  /** Whether whole lines are left that may belong to an event with what follows. */
  hasOpenEvent: boolean;
}

export class LineSplitter {
  readonly #events: LineEvents;
  readonly #newline: Buffer;
  readonly #maxLineBytes: number;
  readonly #mode: "lines" | "first-line" | "whole";
  /** Whether the last lines of an event may wait for others, and are taken without them after a time. */
  readonly waitsForMore: boolean;

  /** Lines longer than `maxLineBytes`, with their end, are left out. */
  constructor(events: LineEvents, parser: Parser, newline: Buffer, maxLineBytes: number) {
    this.#events = events;
    this.#newline = newline;
    this.#maxLineBytes = maxLineBytes;
    this.#mode = !parser.isMultiline ? "lines" : parser.isFirstLine ? "first-line" : "whole";
    this.waitsForMore = this.#mode === "first-line" || parser.isWhole !== undefined;
  }

  get gathersLines(): boolean {
    return this.#mode !== "lines";
  }

  get newlineBytes(): number {
    return this.#newline.length;
  }

  /** A line that is too long was left out. */
  skipLong(source: TextSource): void {
    this.#events.skipLong(this.#maxLineBytes, source);
  }

  take(block: Buffer, end: BlockEnd, target: ParseTarget, source: TextSource): Taken {
    if (this.#mode === "first-line") return this.#takeByFirstLine(block, end, target, source);
    if (this.#mode === "whole") return this.#takeWhole(block, end, target, source);
    return this.#takeLines(block, end, target, source);
  }

  #takeLines(block: Buffer, end: BlockEnd, target: ParseTarget, source: TextSource): Taken {
    let position = 0;
    let lines = 0;
    while (lines < end.maxLines) {
      const newline = this.findNewline(block, lines === 0 ? end.searched : position);
      if (newline < 0) break;
      const next = newline + this.#newline.length;
      if (next - position > this.#maxLineBytes) this.skipLong(source);
      else this.#events.add(block, position, this.#chomp(block, position, newline), target, source);
      position = next;
      lines += 1;
    }
    if (end.isFinal && position < block.length && lines < end.maxLines) {
      this.#events.add(block, position, block.length, target, source);
      position = block.length;
      lines += 1;
    }
    return { bytes: position, lines, hasOpenEvent: false };
  }

  #takeByFirstLine(block: Buffer, end: BlockEnd, target: ParseTarget, source: TextSource): Taken {
    let lines = 0;
    let eventStart = -1;
    let position = 0;
    const close = () => {
      this.#events.add(block, eventStart, this.#chompAt(block, eventStart, position), target, source);
      eventStart = -1;
    };
    for (let next = this.#lineEnd(block, 0, end); next > 0; next = this.#lineEnd(block, position, end)) {
      const text = this.#chompAt(block, position, next);
      if (next - position > this.#maxLineBytes) {
        if (eventStart >= 0) close();
        this.skipLong(source);
      } else if (this.#events.isFirstLine(block, position, text)) {
        if (eventStart >= 0) close();
        if (lines >= end.maxLines) break;
        eventStart = position;
      } else if (eventStart < 0) this.#events.addOrphan(block, position, text, target, source);
      position = next;
      lines += 1;
      if (eventStart < 0 && lines >= end.maxLines) break;
    }
    if (eventStart >= 0 && (end.flushes || (end.isFinal && position === block.length))) close();
    return { bytes: eventStart < 0 ? position : eventStart, lines, hasOpenEvent: eventStart >= 0 };
  }

  #takeWhole(block: Buffer, end: BlockEnd, target: ParseTarget, source: TextSource): Taken {
    let lines = 0;
    let eventStart = 0;
    let position = 0;
    for (let next = this.#lineEnd(block, 0, end); next > 0; next = this.#lineEnd(block, position, end)) {
      position = next;
      lines += 1;
      if (position <= end.searched) continue;
      const textEnd = this.#chompAt(block, eventStart, position);
      if (!this.#events.try(block, eventStart, textEnd, position, target, source)) continue;
      eventStart = position;
      if (lines >= end.maxLines) break;
    }
    const isRest = end.flushes || (end.isFinal && position === block.length);
    if (isRest && position > eventStart) {
      this.#events.add(block, eventStart, this.#chompAt(block, eventStart, position), target, source);
      eventStart = position;
    }
    return { bytes: eventStart, lines, hasOpenEvent: position > eventStart };
  }

  /** Position of the next line's end, or -1. */
  findNewline(block: Buffer, from: number): number {
    const width = this.#newline.length;
    if (width === 1) return block.indexOf(0x0a, from);
    let found = block.indexOf(this.#newline, from - (from % width));
    while (found >= 0 && found % width !== 0) found = block.indexOf(this.#newline, found + 1);
    return found;
  }

  /** Position behind the line that starts at `position`, or -1 when it is not whole. */
  #lineEnd(block: Buffer, position: number, { isFinal }: BlockEnd): number {
    const newline = this.findNewline(block, position);
    if (newline >= 0) return newline + this.#newline.length;
    return isFinal && position < block.length ? block.length : -1;
  }

  /** Where the text `[start, newline)` ends without a carriage return. */
  #chomp(block: Buffer, start: number, newline: number): number {
    return this.#newline.length === 1 && newline > start && block[newline - 1] === 0x0d ? newline - 1 : newline;
  }

  /** Where the text `[start, end)` ends without its line end. */
  #chompAt(block: Buffer, start: number, end: number): number {
    const width = this.#newline.length;
    if (end - width < start || !block.subarray(end - width, end).equals(this.#newline)) return end;
    return this.#chomp(block, start, end - width);
  }
}
