/**
 * Times as text, with Ruby's directives. A format is compiled once and then used for every event.
 *
 * `%` flags width directive: flags `-` no padding, `0` zeros, `_` blanks, `^` upper case, `#` other case, `:` colons of
 * `%z`. Directives: Y C y m B b h d e j H k I l M S L N z Z s a A u w p P F T D R r c x X n t % and iso8601 G V.
 * Anything else stays as it is written. Source: Ruby 3.1 Time#strftime.
 */

import { localZone, type TimeZone, utc } from "./time-zone.ts";

/** Writes a moment as text. `seconds` and `nanoseconds` since 1970. */
export type TimeFormat = (seconds: number, nanoseconds?: number) => string;

/** Compiles `format` for `zone`. */
export function timeFormat(format: string, zone: TimeZone = localZone): TimeFormat {
  const pieces = compile(format);
  const isNamed = zone === localZone || zone === utc;
  return (seconds, nanoseconds = 0) => render(pieces, momentAt(seconds, nanoseconds, zone.offsetAt(seconds), isNamed));
}

/** `format` at a moment, `offset` seconds east of UTC. */
export function strftime(format: string, seconds: number, nanoseconds = 0, offset = 0): string {
  return render(compile(format), momentAt(seconds, nanoseconds, offset, true));
}

/** A moment as a calendar shows it. The UTC fields of `date` are those of the wall at `offset`. */
interface Moment {
  readonly date: Date;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly offset: number;
  /** A zone that is neither the machine's nor UTC has an offset to Ruby, and no name. */
  readonly isNamed: boolean;
}

function momentAt(seconds: number, nanoseconds: number, offset: number, isNamed: boolean): Moment {
  return { date: new Date((seconds + offset) * 1000), seconds, nanoseconds, offset, isNamed };
}

interface Directive {
  readonly letter: string;
  readonly flags: string;
  readonly width: number | undefined;
}

type Piece = string | Directive;

function compile(format: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of format.matchAll(/%([-0_^#]*)(\d*)(:{0,2})([a-zA-Z%+])/g)) {
    const [whole, flags = "", width = "", colons = "", letter = ""] = match;
    if (!(letter in DIRECTIVES) || (colons !== "" && letter !== "z")) continue;
    pieces.push(format.slice(end, match.index));
    pieces.push({
      letter,
      flags: flags + colons,
      width: width === "" ? undefined : Math.min(Number(width), MAX_WIDTH),
    });
    end = match.index + whole.length;
  }
  pieces.push(format.slice(end));
  return pieces.filter((piece) => piece !== "");
}

function zoneName({ offset, isNamed }: Moment): string {
  if (!isNamed) return "";
  return offset === 0 ? "UTC" : zoneOffset(offset, ":");
}

/** Wider fields serve nobody, and a format may come from a file that others write. */
const MAX_WIDTH = 64;

function render(pieces: readonly Piece[], moment: Moment): string {
  let text = "";
  for (const piece of pieces) text += typeof piece === "string" ? piece : renderDirective(piece, moment);
  return text;
}

function renderDirective(directive: Directive, moment: Moment): string {
  const { letter, flags, width } = directive;
  if (letter === "N" || letter === "L") return fraction(moment.nanoseconds, width ?? (letter === "L" ? 3 : 9));
  if (letter === "z") return zoneOffset(moment.offset, flags, width);
  const spec = DIRECTIVES[letter] as Spec;
  let text = String(spec.value(moment));
  if (flags.includes("^")) text = text.toUpperCase();
  if (flags.includes("#")) text = letter === "p" ? text.toLowerCase() : text.toUpperCase();
  if (flags.includes("-")) return text;
  const fill = flags.includes("0") ? "0" : flags.includes("_") ? " " : spec.fill;
  const sign = fill === "0" && text.startsWith("-") ? "-" : "";
  return sign + text.slice(sign.length).padStart((width ?? spec.width) - sign.length, fill);
}

/** The first `digits` of the nanoseconds, cut, not rounded. */
function fraction(nanoseconds: number, digits: number): string {
  return String(nanoseconds).padStart(9, "0").slice(0, digits).padEnd(digits, "0");
}

/** `+0900`, `+09:00` or `+09:00:00`; a width fills up with zeros behind the sign. */
function zoneOffset(offset: number, flags: string, width = 0): string {
  const colons = flags.split(":").length - 1;
  const size = Math.abs(offset);
  const parts = [two(Math.floor(size / 3600)), two(Math.floor(size / 60) % 60)];
  if (colons === 2) parts.push(two(size % 60));
  return (offset < 0 ? "-" : "+") + parts.join(colons > 0 ? ":" : "").padStart(width - 1, "0");
}

const two = (value: number) => String(value).padStart(2, "0");

interface Spec {
  readonly value: (moment: Moment) => string | number;
  readonly width: number;
  readonly fill: string;
}

const number = (width: number, value: (date: Date) => number, fill = "0"): Spec => ({
  value: (moment) => value(moment.date),
  width,
  fill,
});
const word = (value: (date: Date) => string): Spec => ({ value: (moment) => value(moment.date), width: 0, fill: " " });
const composed = (format: string): Spec => {
  const pieces = compile(format);
  return { value: (moment) => render(pieces, moment), width: 0, fill: " " };
};

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
]; // biome-ignore format: a table

const hour12 = (date: Date) => date.getUTCHours() % 12 || 12;
const day = (date: Date) => DAYS[date.getUTCDay()] as string;
const month = (date: Date) => MONTHS[date.getUTCMonth()] as string;
const modulo = (value: number, by: number) => ((value % by) + by) % by;

const DAY_MS = 86_400_000;

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}

/** The Thursday of the date's week says to which year the week belongs. */
function thursday(date: Date): Date {
  return new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY_MS);
}

const DIRECTIVES: Record<string, Spec> = {};
Object.assign(DIRECTIVES, {
  Y: number(4, (date) => date.getUTCFullYear()),
  C: number(2, (date) => Math.floor(date.getUTCFullYear() / 100)),
  y: number(2, (date) => modulo(date.getUTCFullYear(), 100)),
  m: number(2, (date) => date.getUTCMonth() + 1),
  d: number(2, (date) => date.getUTCDate()),
  e: number(2, (date) => date.getUTCDate(), " "),
  j: number(3, dayOfYear),
  H: number(2, (date) => date.getUTCHours()),
  k: number(2, (date) => date.getUTCHours(), " "),
  I: number(2, hour12),
  l: number(2, hour12, " "),
  M: number(2, (date) => date.getUTCMinutes()),
  S: number(2, (date) => date.getUTCSeconds()),
  u: number(1, (date) => date.getUTCDay() || 7),
  w: number(1, (date) => date.getUTCDay()),
  G: number(4, (date) => thursday(date).getUTCFullYear()),
  V: number(2, (date) => Math.ceil(dayOfYear(thursday(date)) / 7)),
  U: number(2, (date) => Math.floor((dayOfYear(date) + 6 - date.getUTCDay()) / 7)),
  W: number(2, (date) => Math.floor((dayOfYear(date) + 6 - modulo(date.getUTCDay() - 1, 7)) / 7)),
  B: word(month),
  b: word((date) => month(date).slice(0, 3)),
  h: word((date) => month(date).slice(0, 3)),
  A: word(day),
  a: word((date) => day(date).slice(0, 3)),
  p: word((date) => (date.getUTCHours() < 12 ? "AM" : "PM")),
  P: word((date) => (date.getUTCHours() < 12 ? "am" : "pm")),
  s: { value: (moment) => moment.seconds, width: 0, fill: "0" },
  Z: { value: zoneName, width: 0, fill: " " },
  n: word(() => "\n"),
  t: word(() => "\t"),
  "%": word(() => "%"),
  L: word(() => ""),
  N: word(() => ""),
  z: word(() => ""),
} satisfies Record<string, Spec>);
for (const [letter, format] of Object.entries({
  F: "%Y-%m-%d",
  T: "%H:%M:%S",
  X: "%H:%M:%S",
  D: "%m/%d/%y",
  x: "%m/%d/%y",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  c: "%a %b %e %H:%M:%S %Y",
  v: "%e-%^b-%4Y",
})) {
  DIRECTIVES[letter] = composed(format);
}
