/** Times as text after Ruby's `strftime`. An unknown directive stays as it is. */

/** A moment; `offsetMinutes` east of UTC, undefined for local time. */
export interface Moment {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly offsetMinutes: number | undefined;
  readonly isUtc: boolean;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]; // biome-ignore format: a list

/** Directives that stand for others. */
const COMBINED: Record<string, string> = {
  F: "%Y-%m-%d",
  T: "%H:%M:%S",
  X: "%H:%M:%S",
  D: "%m/%d/%y",
  x: "%m/%d/%y",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  c: "%a %b %e %H:%M:%S %Y",
};

export function strftime(format: string, moment: Moment): string {
  const epochMs = moment.seconds * 1000;
  const offsetMinutes = moment.offsetMinutes ?? -new Date(epochMs).getTimezoneOffset();
  // A date whose UTC fields are the fields to show.
  const shown = new Date(epochMs + offsetMinutes * 60_000);
  let text = "";
  for (const piece of compiled(format)) {
    text += typeof piece === "string" ? piece : (shownAs(piece, shown, moment, offsetMinutes) ?? piece.written);
  }
  return text;
}

interface Directive {
  readonly written: string;
  readonly flag: string;
  readonly width: number;
  readonly name: string;
}

type Pieces = readonly (string | Directive)[];

/** Formats that expressions use: a configuration has a handful, data may make more. */
const formats = new Map<string, Pieces>();
const MAX_FORMATS = 100;

function compiled(format: string): Pieces {
  const known = formats.get(format);
  if (known) return known;
  const parts = format.split(/(%[-_0^#]?\d*:?[a-zA-Z%])/);
  const pieces = parts.flatMap((part, index) => {
    if (index % 2 === 0) return part === "" ? [] : [part];
    const [, flag = "", width = "", name = ""] = /^%([-_0^#]?)(\d*)(:?[a-zA-Z%])$/.exec(part) ?? [];
    const combined = COMBINED[name];
    return combined === undefined ? [{ written: part, flag, width: Number(width), name }] : compiled(combined);
  });
  if (formats.size < MAX_FORMATS) formats.set(format, pieces);
  return pieces;
}

/** Undefined for a directive that is none. */
function shownAs(
  { flag, width, name }: Directive,
  shown: Date,
  moment: Moment,
  offsetMinutes: number,
): string | undefined {
  const field = fieldOf(name, shown, moment, offsetMinutes, width);
  if (field === undefined) return undefined;
  const [text, length, fill] = field;
  const sign = flag === "_" ? " " : flag === "0" ? "0" : fill;
  const padded = flag === "-" ? text : text.padStart(Math.max(length, Math.min(width, 64)), sign);
  return flag === "^" ? padded.toUpperCase() : padded;
}

/** A directive's text, its usual width, and what fills it. */
function fieldOf(name: string, shown: Date, moment: Moment, offsetMinutes: number, width: number) {
  const number = (value: number, length: number, fill = "0") => [String(value), length, fill] as const;
  const words = (text: string) => [text, 0, " "] as const;
  const hour12 = shown.getUTCHours() % 12 || 12;
  switch (name) {
    case "Y": return number(shown.getUTCFullYear(), 4);
    case "y": return number(shown.getUTCFullYear() % 100, 2);
    case "m": return number(shown.getUTCMonth() + 1, 2);
    case "d": return number(shown.getUTCDate(), 2);
    case "e": return number(shown.getUTCDate(), 2, " ");
    case "j": return number(dayOfYear(shown), 3);
    case "H": return number(shown.getUTCHours(), 2);
    case "k": return number(shown.getUTCHours(), 2, " ");
    case "I": return number(hour12, 2);
    case "l": return number(hour12, 2, " ");
    case "M": return number(shown.getUTCMinutes(), 2);
    case "S": return number(shown.getUTCSeconds(), 2);
    case "L": return words(fraction(moment, width || 3));
    case "N": return words(fraction(moment, width || 9));
    case "s": return words(String(moment.seconds));
    case "z": return words(zone(offsetMinutes, ""));
    case ":z": return words(zone(offsetMinutes, ":"));
    case "Z": return words(moment.isUtc || (offsetMinutes === 0 && moment.offsetMinutes === undefined) ? "UTC" : "");
    case "a": return words((DAYS[shown.getUTCDay()] as string).slice(0, 3));
    case "A": return words(DAYS[shown.getUTCDay()] as string);
    case "b": case "h": return words((MONTHS[shown.getUTCMonth()] as string).slice(0, 3));
    case "B": return words(MONTHS[shown.getUTCMonth()] as string);
    case "p": return words(shown.getUTCHours() < 12 ? "AM" : "PM");
    case "P": return words(shown.getUTCHours() < 12 ? "am" : "pm");
    case "C": return number(Math.floor(shown.getUTCFullYear() / 100), 2);
    case "U": return number(weekOfYear(shown, shown.getUTCDay()), 2);
    case "W": return number(weekOfYear(shown, (shown.getUTCDay() + 6) % 7), 2);
    case "G": return number(thursday(shown).getUTCFullYear(), 4);
    case "V": return number(Math.ceil(dayOfYear(thursday(shown)) / 7), 2);
    case "u": return number(shown.getUTCDay() || 7, 1);
    case "w": return number(shown.getUTCDay(), 1);
    case "n": return words("\n");
    case "t": return words("\t");
    case "%": return words("%");
    default: return undefined;
  } // biome-ignore format: a table
}

/** Weeks begin on the day that is `daysAgo`; what is before the first of them is week 0. */
function weekOfYear(date: Date, daysAgo: number): number {
  return Math.floor((dayOfYear(date) + 6 - daysAgo) / 7);
}

/** The Thursday of the date's week says to which year the week belongs. */
function thursday(date: Date): Date {
  return new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * 86_400_000);
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

function fraction({ nanoseconds }: Moment, digits: number): string {
  return String(nanoseconds).padStart(9, "0").padEnd(digits, "0").slice(0, digits);
}

function zone(offsetMinutes: number, separator: string): string {
  const minutes = Math.abs(offsetMinutes);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${separator}${two(minutes % 60)}`;
}
