/** Methods of integers and floats. An operation with a float gives a float. */

import {
  blockOf,
  checkSize,
  compare,
  equals,
  integerOf,
  isNumeric,
  MAX_ITEMS,
  type Method,
  type MethodTable,
  numberOf,
  RubyError,
  RubyFloat,
  type RubyNumber,
  type RubyValue,
  toText,
} from "./values.ts";

type Numeric = RubyNumber;

/** A float as a value: wrapped where a number would look like an integer. */
export const floatValue = (value: number): number | RubyFloat =>
  Number.isInteger(value) ? new RubyFloat(value) : value;

const isFloat = (value: Numeric): boolean =>
  value instanceof RubyFloat || (typeof value === "number" && !Number.isInteger(value));

/** Numbers beyond this have no use in a record. */
const MAX_SHIFT = 1024;

/** An exact integer: a number, or a bigint beyond what a number can hold. */
export function integerValue(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

export const numberMethods: MethodTable<Numeric> = {
  "+": arithmetic((left, right) => left + right, (left, right) => left + right), // biome-ignore format: a table
  "-": arithmetic((left, right) => left - right, (left, right) => left - right), // biome-ignore format: a table
  "*": arithmetic((left, right) => left * right, (left, right) => left * right), // biome-ignore format: a table
  "/": arithmetic((left, right) => left / right, divide),
  "%": arithmetic(modulo, (left, right) => left - divide(left, right) * right),
  "**": arithmetic((left, right) => left ** right, power),
  "-@": (self) => (typeof self === "bigint" ? integerValue(-self) : keepKind(self, -numberOf(self))),
  "&": (self, [other]) => integerValue(bigOf(self) & bigOf(other)),
  "|": (self, [other]) => integerValue(bigOf(self) | bigOf(other)),
  "^": (self, [other]) => integerValue(bigOf(self) ^ bigOf(other)),
  "<<": (self, [other]) => integerValue(bigOf(self) << BigInt(Math.min(integerOf(other), MAX_SHIFT))),
  ">>": (self, [other]) => integerValue(bigOf(self) >> BigInt(integerOf(other))),
  div: (self, [other]) => integerValue(divide(bigOf(self), bigOf(other))),
  fdiv: (self, [other = 0]) => floatValue(numberOf(self) / numberOf(other as Numeric)),
  divmod: (self, [other = 0]) => {
    if (isFloat(self) || isFloat(other as Numeric)) {
      const [dividend, divisor] = [numberOf(self), numberOf(other as Numeric)];
      return [Math.floor(dividend / divisor), floatValue(modulo(dividend, divisor))];
    }
    const [left, right] = [bigOf(self), bigOf(other)];
    const quotient = divide(left, right);
    return [integerValue(quotient), integerValue(left - quotient * right)];
  },
  "<": (self, [other = null]) => compare(self, other) < 0,
  "<=": (self, [other = null]) => compare(self, other) <= 0,
  ">": (self, [other = null]) => compare(self, other) > 0,
  ">=": (self, [other = null]) => compare(self, other) >= 0,
  "<=>": (self, [other = null]) => (isNumeric(other) ? Math.sign(compare(self, other)) : null),
  "==": (self, [other = null]) => equals(self, other),
  "between?": (self, [low = null, high = null]) => compare(self, low) >= 0 && compare(self, high) <= 0,
  clamp: (self, [low = null, high = null]) => (compare(self, low) < 0 ? low : compare(self, high) > 0 ? high : self),
  "zero?": (self) => numberOf(self) === 0,
  "positive?": (self) => numberOf(self) > 0,
  "negative?": (self) => numberOf(self) < 0,
  "even?": (self) => numberOf(self) % 2 === 0,
  "odd?": (self) => Math.abs(numberOf(self) % 2) === 1,
  "integer?": (self) => !isFloat(self),
  abs: (self) => keepKind(self, Math.abs(numberOf(self))),
  succ: (self) => numberOf(self) + 1,
  pred: (self) => numberOf(self) - 1,
  to_i: (self) => (typeof self === "bigint" ? self : wholeNumber(Math.trunc(numberOf(self)))),
  to_int: (self) => (typeof self === "bigint" ? self : wholeNumber(Math.trunc(numberOf(self)))),
  "nan?": (self) => Number.isNaN(numberOf(self)),
  to_f: (self) => floatValue(numberOf(self)),
  to_s: (self, [base]) =>
    base === undefined ? toText(self) : (typeof self === "bigint" ? self : numberOf(self)).toString(integerOf(base)),
  chr: (self) => String.fromCharCode(numberOf(self)),
  size: () => 8,
  floor: rounding(Math.floor),
  ceil: rounding(Math.ceil),
  // Halves go away from zero.
  round: rounding((value) => Math.sign(value) * Math.round(Math.abs(value))),
  times: (self, _, block) => {
    checkSize(numberOf(self), MAX_ITEMS, "repetitions");
    if (!block) return Array.from({ length: Math.max(0, numberOf(self)) }, (_, index) => index);
    for (let index = 0; index < numberOf(self); index++) blockOf(block)(index);
    return self;
  },
};

function arithmetic(
  floats: (left: number, right: number) => number,
  integers: (left: bigint, right: bigint) => bigint | RubyValue,
): Method<Numeric> {
  return (self, [other = null]) => {
    if (!isNumeric(other)) {
      const type = other === null ? "nil" : typeof other === "string" ? "String" : "this value";
      throw new RubyError("TypeError", `${type} can't be coerced into ${isFloat(self) ? "Float" : "Integer"}`);
    }
    if (isFloat(self) || isFloat(other)) return floatValue(floats(numberOf(self), numberOf(other)));
    const result = integers(bigOf(self), bigOf(other));
    return typeof result === "bigint" ? integerValue(result) : result;
  };
}

/** `round(2)` gives a float, `round` an integer. */
function rounding(round: (value: number) => number): Method<Numeric> {
  return (self, [digits = 0]) => {
    const places = integerOf(digits);
    if (typeof self === "bigint") return self;
    if (places === 0) return wholeNumber(round(numberOf(self)));
    if (!isFloat(self) && places > 0) return self;
    const factor = 10 ** places;
    return keepKind(self, round(numberOf(self) * factor) / factor);
  };
}

function keepKind(self: Numeric, value: number): Numeric {
  return isFloat(self) ? floatValue(value) : value;
}

/** The remainder has the divisor's sign. */
function modulo(left: number, right: number): number {
  const rest = left % right;
  return rest !== 0 && rest < 0 !== right < 0 ? rest + right : rest;
}

/** Rounds down, as Ruby does. */
function divide(left: bigint, right: bigint): bigint {
  if (right === 0n) throw new RubyError("ZeroDivisionError", "divided by 0");
  const quotient = left / right;
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient;
}

function power(base: bigint, exponent: bigint): bigint | RubyValue {
  if (exponent < 0n) return floatValue(Number(base) ** Number(exponent));
  checkSize(Number(exponent) * base.toString(2).length, MAX_BITS, "bits of an integer");
  return base ** exponent;
}

/** Largest integer that `**` makes: records hold 64 bits. */
const MAX_BITS = 1024;

function bigOf(value: RubyValue | undefined): bigint {
  return typeof value === "bigint" ? value : BigInt(integerOf(value));
}

/** A whole float as an integer; FloatDomainError where there is none. */
function wholeNumber(value: number): number | bigint {
  if (!Number.isFinite(value)) throw new RubyError("FloatDomainError", toText(value));
  return integerValue(BigInt(value));
}
