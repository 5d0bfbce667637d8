/**
 * Values of embedded Ruby. They are plain JavaScript values: nil is null, symbols are strings, hashes are maps with
 * text keys. Integers are numbers, and bigint where a number would not be exact. Only what has no such form is a class:
 * floats that happen to be whole, binary texts, ranges, times, and objects.
 *
 * Bytes of a text that are no UTF-8 stand in it as U+DC80 to U+DCFF, lone surrogates, and become bytes again outside.
 */

import { floatText } from "./float-text.ts";
import { inspectBytes, inspectText } from "./text.ts";
import { RubyDateTime, RubyTime } from "./time.ts";

export type RubyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | RegExp
  | RubyFloat
  | RubyBinary
  | RubyRange
  | RubyMatch
  | RubyTime
  | RubyObject
  | RubyValue[]
  | RubyHash;

export type RubyHash = Map<string, RubyValue>;

/** A block `{ |x| … }` that a method was given. */
export type RubyBlock = (...values: RubyValue[]) => RubyValue;

/** A method or function. `block` is absent where none was given. */
export type RubyFunction = (parameters: RubyValue[], block?: RubyBlock) => RubyValue;

/** A method of a built-in class; `self` is the receiver. */
export type Method<Self = any> = (self: Self, parameters: RubyValue[], block?: RubyBlock) => RubyValue;

export type MethodTable<Self = any> = Readonly<Record<string, Method<Self>>>;

/** A float without fraction, such as 5.0, which a number could not tell from the integer 5. */
export class RubyFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A text without encoding (ASCII-8BIT). Methods see its text; as a value it stays what it is. */
export class RubyBinary {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a regexp found: `$~`. */
export class RubyMatch {
  readonly match: RegExpExecArray;
  /** Whether what it found are bytes, as letters that stand for them. */
  isBinary = false;

  constructor(match: RegExpExecArray) {
    this.match = match;
  }

  /** The text of a group by number or name; nil where there is none. */
  group(name: number | string): RubyValue {
    if (typeof name === "string") return this.match.groups?.[name] ?? null;
    return this.match.at(name) ?? null;
  }
}

/** `first..last`, or `first...last` without its last; a missing end is null. */
export class RubyRange {
  readonly first: RubyValue;
  readonly last: RubyValue;
  readonly exclusive: boolean;

  constructor(first: RubyValue, last: RubyValue, exclusive: boolean) {
    this.first = first;
    this.last = last;
    this.exclusive = exclusive;
  }
}

/** Anything with methods of its own: `ENV`, `File`, a time, an open file. */
export class RubyObject {
  readonly className: string;
  readonly methods: Readonly<Record<string, RubyFunction>>;
  /** What `to_s` gives. */
  readonly text: string;

  constructor(className: string, methods: Readonly<Record<string, RubyFunction>>, text = className) {
    this.className = className;
    this.methods = methods;
    this.text = text;
  }
}

/**
 * An expression failed as it would in Ruby; `rescue` catches it. `className` is Ruby's: KeyError, NoMethodError.
 */
export class RubyError extends Error {
  readonly className: string;

  /** Without a stack, as MalformedError: an expression may fail for every event. */
  constructor(className: string, message: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.className = className;
  }
}

/** The expression is not within the language that is understood here, or passes a limit; `rescue` does not catch it. */
export class UnsupportedRubyError extends Error {}

/** Longest text that an expression may make, in UTF-16 units: a value of a configuration, not a file of data. */
export const MAX_TEXT = 1024 * 1024;

/** Most items that an expression may make. */
export const MAX_ITEMS = 100_000;

/** Refuses a size before memory is taken for it. */
export function checkSize(size: number, limit: number, what: string): void {
  if (size > limit) throw new UnsupportedRubyError(`more than ${limit} ${what}`);
}

export const isTruthy = (value: RubyValue): boolean => value !== null && value !== false;

export const isHash = (value: RubyValue | undefined): value is RubyHash => value instanceof Map;

/** The name of the value's class, as messages give it. */
export function classOf(value: RubyValue): string {
  if (value === null) return "NilClass";
  if (typeof value === "string" || value instanceof RubyBinary) return "String";
  if (typeof value === "bigint") return "Integer";
  if (typeof value === "boolean") return value ? "TrueClass" : "FalseClass";
  if (typeof value === "number") return Number.isInteger(value) ? "Integer" : "Float";
  if (value instanceof RubyObject) return value.className;
  if (value instanceof RubyFloat) return "Float";
  if (value instanceof RubyRange) return "Range";
  if (value instanceof RegExp) return "Regexp";
  if (value instanceof RubyMatch) return "MatchData";
  if (value instanceof RubyTime) return value instanceof RubyDateTime ? "DateTime" : "Time";
  return Array.isArray(value) ? "Array" : "Hash";
}

/** Ruby's `to_s`, which interpolation uses: nil is "". */
export function toText(value: RubyValue): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (value instanceof RubyObject || value instanceof RubyTime || value instanceof RubyBinary) return value.text;
  if (value instanceof RubyMatch) return value.match[0];
  return inspect(value);
}

/** Ruby's `inspect`: texts are quoted, nil is `nil`. */
export function inspect(value: RubyValue): string {
  if (value === null) return "nil";
  if (typeof value === "string") return inspectText(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value).toString() : floatText(value);
  if (value instanceof RubyFloat) return floatText(value.value);
  if (value instanceof RubyRange) {
    return `${value.first === null ? "" : inspect(value.first)}${value.exclusive ? "..." : ".."}${value.last === null ? "" : inspect(value.last)}`;
  }
  if (value instanceof RegExp) return `/${value.source}/`;
  if (value instanceof RubyTime) return value.shown;
  if (value instanceof RubyObject) return value.methods.inspect ? toText(value.methods.inspect([])) : value.text;
  if (value instanceof RubyBinary) return inspectBytes(value.text);
  if (value instanceof RubyMatch) return `#<MatchData ${inspectText(value.match[0])}>`;
  if (Array.isArray(value)) return `[${value.map(inspect).join(", ")}]`;
  return `{${[...value].map(([key, item]) => `${inspectText(key)}=>${inspect(item)}`).join(", ")}}`;
}

/** Ruby's `==`. */
export function equals(left: RubyValue, right: RubyValue): boolean {
  if (left === right) return true;
  if (isNumeric(left) && isNumeric(right)) return compare(left, right) === 0;
  if (left instanceof RubyBinary || right instanceof RubyBinary) return equalTexts(left, right);
  if (left instanceof RubyTime && right instanceof RubyTime) return left.compare(right) === 0;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equals(item, right[index] as RubyValue));
  }
  if (isHash(left) && isHash(right)) {
    if (left.size !== right.size) return false;
    return [...left].every(([key, value]) => right.has(key) && equals(value, right.get(key) as RubyValue));
  }
  return false;
}

/** Bytes equal letters only where both are ASCII. */
function equalTexts(left: RubyValue, right: RubyValue): boolean {
  if (classOf(left) !== "String" || toText(left) !== toText(right)) return false;
  return classOf(left) === classOf(right) && (typeof left === typeof right || !/[^\0-\x7f]/.test(toText(left)));
}

/** Ruby's `<=>`: negative, 0, positive; ArgumentError where the two cannot be ordered. */
export function compare(left: RubyValue, right: RubyValue): number {
  if (isNumeric(left) && isNumeric(right)) return order(exactOf(left), exactOf(right));
  if (typeof left === "string" && typeof right === "string") return order(left, right);
  if (left instanceof RubyBinary) return compare(left.text, right);
  if (right instanceof RubyBinary) return compare(left, right.text);
  if (left instanceof RubyTime && right instanceof RubyTime) return left.compare(right);
  if (Array.isArray(left) && Array.isArray(right)) {
    for (let index = 0; index < Math.min(left.length, right.length); index++) {
      const difference = compare(left[index] as RubyValue, right[index] as RubyValue);
      if (difference !== 0) return difference;
    }
    return left.length - right.length;
  }
  throw new RubyError("ArgumentError", `comparison of ${classOf(left)} with ${inspect(right)} failed`);
}

function order<T extends number | bigint | string>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export type RubyNumber = number | bigint | RubyFloat;

export const isNumeric = (value: RubyValue | undefined): value is RubyNumber =>
  typeof value === "number" || typeof value === "bigint" || value instanceof RubyFloat;

/** As a number; integers beyond 2^53 lose their last digits. */
export const numberOf = (value: RubyNumber): number => (value instanceof RubyFloat ? value.value : Number(value));

const exactOf = (value: RubyNumber): number | bigint => (value instanceof RubyFloat ? value.value : value);

/** A value as other code takes it: floats as numbers, everything inside likewise. */
export function plainValue(value: RubyValue): unknown {
  if (value instanceof RubyFloat) return value.value;
  if (Array.isArray(value)) return value.map(plainValue);
  if (isHash(value)) return Object.fromEntries([...value].map(([key, item]) => [key, plainValue(item)]));
  return typeof value === "object" && value !== null ? toText(value) : value;
}

/** The text that a method needs as a parameter; TypeError as in Ruby where it is something else. */
export function textOf(value: RubyValue | undefined): string {
  if (typeof value === "string") return value;
  if (value instanceof RubyBinary) return value.text;
  throw conversionError(value, "String");
}

/** The integer that a method needs as a parameter. */
export function integerOf(value: RubyValue | undefined): number {
  if (isNumeric(value)) return Math.trunc(numberOf(value));
  throw conversionError(value, "Integer");
}

/** The block that a method cannot do without. */
export function blockOf(block: RubyBlock | undefined): RubyBlock {
  if (block) return block;
  throw new UnsupportedRubyError("a method without its block");
}

function conversionError(value: RubyValue | undefined, wanted: string): RubyError {
  if (value === undefined) return new RubyError("ArgumentError", "wrong number of arguments");
  const given = value === null ? "nil" : classOf(value);
  return new RubyError("TypeError", `no implicit conversion of ${given} into ${wanted}`);
}
