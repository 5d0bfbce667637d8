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
  type RubyValue,
  toText,
} from "./values.ts";

type Numeric = number | RubyFloat;

/** A float as a value: wrapped where a number would look like an integer. */
export const floatValue = (value: number): Numeric => (Number.isInteger(value) ? new RubyFloat(value) : value);

const isFloat = (value: RubyValue): boolean => value instanceof RubyFloat || !Number.isInteger(value);

export const numberMethods: MethodTable<Numeric> = {
  "+": arithmetic((left, right) => left + right),
  "-": arithmetic((left, right) => left - right),
  "*": arithmetic((left, right) => left * right),
  "/": arithmetic(
    (left, right) => left / right,
    (left, right) => Math.floor(left / nonZero(right)),
  ),
  "%": arithmetic(modulo, (left, right) => modulo(left, nonZero(right))),
  "**": arithmetic((left, right) => left ** right),
  "-@": (self) => keepKind(self, -numberOf(self)),
  "&": (self, [other]) => Number(BigInt(integerOf(self)) & BigInt(integerOf(other))),
  "|": (self, [other]) => Number(BigInt(integerOf(self)) | BigInt(integerOf(other))),
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
  to_i: (self) => Math.trunc(numberOf(self)),
  to_f: (self) => floatValue(numberOf(self)),
  to_s: (self, [base]) => (base === undefined ? toText(self) : numberOf(self).toString(integerOf(base))),
  chr: (self) => String.fromCharCode(numberOf(self)),
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
  integers: (left: number, right: number) => number = floats,
): Method<Numeric> {
  return (self, [other = null]) => {
    if (!isNumeric(other)) {
      const type = other === null ? "nil" : typeof other === "string" ? "String" : "this value";
      throw new RubyError("TypeError", `${type} can't be coerced into ${isFloat(self) ? "Float" : "Integer"}`);
    }
    if (isFloat(self) || isFloat(other)) return floatValue(floats(numberOf(self), numberOf(other)));
    return integers(numberOf(self), numberOf(other));
  };
}

/** `round(2)` gives a float, `round` an integer. */
function rounding(round: (value: number) => number): Method<Numeric> {
  return (self, [digits = 0]) => {
    const places = integerOf(digits);
    if (places === 0) return round(numberOf(self));
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

function nonZero(value: number): number {
  if (value === 0) throw new RubyError("ZeroDivisionError", "divided by 0");
  return value;
}
