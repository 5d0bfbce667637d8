/** The time of a line of the container runtime, read from its digits. */

import type { ConfigElement } from "../config/element.ts";
import type { TimeParser } from "./time-parser.ts";
import { daysSince1970 } from "./wall-clock.ts";

/** `2024-01-02T03:04:05`: what lines of the same second share. */
const SECOND_BYTES = 19;

/** What the runtime writes, in fluentd's words. */
export const CRI_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%L%z";

export class CriTime {
  seconds = 0;
  nanoseconds = 0;
  readonly #parser: TimeParser;
  readonly #isUsual: boolean;
  /** The first letters of the last line, and the second that they mean in UTC. */
  readonly #last = Buffer.alloc(SECOND_BYTES);
  #lastSecond = Number.NaN;

  /** `parser` reads what is not written in the runtime's own way, and everything where another format is configured. */
  constructor(parser: TimeParser, element: ConfigElement) {
    this.#parser = parser;
    const format = element.text("time_format");
    const isText = (element.text("time_type") ?? "string") === "string";
    this.#isUsual = isText && (format === undefined || format === CRI_TIME_FORMAT);
  }

  /** Reads `bytes[start, end)` into `seconds` and `nanoseconds`. Throws MalformedError. */
  read(bytes: Buffer, start: number, end: number): void {
    if (this.#isUsual && this.#readUsual(bytes, start, end)) return;
    const time = this.#parser.parse(bytes.toString("latin1", start, end));
    this.seconds = time.seconds;
    this.nanoseconds = time.nanoseconds;
  }

  /** `.`, 1 to 9 digits, and `Z` or `+09:00` behind the second; false for anything else. */
  #readUsual(bytes: Buffer, start: number, end: number): boolean {
    const second = this.#second(bytes, start, end);
    if (Number.isNaN(second) || bytes[start + SECOND_BYTES] !== 0x2e) return false;
    let position = start + SECOND_BYTES + 1;
    const fractionStart = position;
    let fraction = 0;
    for (let digit = digitAt(bytes, position); digit >= 0 && position < end; digit = digitAt(bytes, position)) {
      fraction = fraction * 10 + digit;
      position += 1;
    }
    const digits = position - fractionStart;
    if (digits === 0 || digits > 9) return false;
    const offset = zoneAt(bytes, position, end);
    if (Number.isNaN(offset)) return false;
    this.seconds = second - offset;
    this.nanoseconds = fraction * (POWERS[9 - digits] as number);
    return true;
  }

  #second(bytes: Buffer, start: number, end: number): number {
    if (end - start <= SECOND_BYTES) return Number.NaN;
    const last = this.#last;
    let same = SECOND_BYTES - 1;
    while (same >= 0 && bytes[start + same] === last[same]) same -= 1;
    if (same < 0) return this.#lastSecond;
    bytes.copy(last, 0, start, start + SECOND_BYTES);
    this.#lastSecond = utcSecond(last);
    return this.#lastSecond;
  }
}

const POWERS = Array.from({ length: 10 }, (_, exponent) => 10 ** exponent);

function digitAt(bytes: Buffer, position: number): number {
  const digit = (bytes[position] as number) - 0x30;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

/** The second of `2024-01-02T03:04:05` in UTC; NaN where it is not written so, or has no such day or hour. */
function utcSecond(text: Buffer): number {
  const hasSigns = text[4] === 0x2d && text[7] === 0x2d && text[10] === 0x54 && text[13] === 0x3a && text[16] === 0x3a;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const [month, day] = [twoDigits(text, 5), twoDigits(text, 8)];
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)];
  const isClock = hour <= 23 && minute <= 59 && second <= 59;
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  if (!hasSigns || !isClock || !isDate) return Number.NaN;
  return (daysSince1970(year, month) + day - 1) * 86_400 + hour * 3600 + minute * 60 + second;
}

function daysIn(year: number, month: number): number {
  return daysSince1970(month === 12 ? year + 1 : year, (month % 12) + 1) - daysSince1970(year, month);
}

function twoDigits(bytes: Buffer, position: number): number {
  const [tens, ones] = [digitAt(bytes, position), digitAt(bytes, position + 1)];
  return tens < 0 || ones < 0 ? Number.NaN : tens * 10 + ones;
}

/** Seconds east of UTC of `Z` or `+09:00`, which end the text; NaN for anything else. */
function zoneAt(bytes: Buffer, position: number, end: number): number {
  if (bytes[position] === 0x5a && position + 1 === end) return 0;
  const sign = bytes[position];
  if ((sign !== 0x2b && sign !== 0x2d) || position + 6 !== end || bytes[position + 3] !== 0x3a) return Number.NaN;
  const offset = twoDigits(bytes, position + 1) * 3600 + twoDigits(bytes, position + 4) * 60;
  return sign === 0x2d ? -offset : offset;
}
