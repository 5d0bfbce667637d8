/** Which methods a value has, and which names are methods at all. */

import { arrayMethods } from "./array-methods.ts";
import { hashMethods } from "./hash-methods.ts";
import { matchMethods } from "./match.ts";
import { numberMethods } from "./number-methods.ts";
import { commonMethods, nilMethods, rangeMethods, regexpMethods } from "./object-methods.ts";
import { stringMethods } from "./string-methods.ts";
import { RubyTime } from "./time.ts";
import { timeMethods } from "./time-methods.ts";
import {
  classOf,
  inspect,
  isNumeric,
  type Method,
  type MethodTable,
  RubyBinary,
  RubyError,
  type RubyFunction,
  RubyMatch,
  RubyObject,
  RubyRange,
  type RubyValue,
  UnsupportedRubyError,
} from "./values.ts";

const TABLES: readonly MethodTable[] = [
  stringMethods,
  arrayMethods,
  hashMethods,
  numberMethods,
  timeMethods,
  rangeMethods,
  regexpMethods,
  matchMethods,
  nilMethods,
  commonMethods,
];

/** Methods of arrays that hashes have too, for the array of their pairs. */
const PAIRWISE = new Set(
  "sort_by min_by max_by min max sum reduce group_by partition each_with_index filter_map first take drop zip one? flatten".split(
    " ",
  ),
);

/** Whether any built-in class has a method of this name. */
export function isMethodName(name: string): boolean {
  return TABLES.some((table) => Object.hasOwn(table, name));
}

/** The method `name` of `self`. Throws RubyError where Ruby has none, UnsupportedRubyError where Ruby may have one. */
export function methodOf(self: RubyValue, name: string): Method {
  if (self instanceof RubyObject && Object.hasOwn(self.methods, name)) {
    const own = self.methods[name] as RubyFunction;
    return (_, parameters, block) => own(parameters, block);
  }
  const table = tableOf(self);
  if (Object.hasOwn(table, name)) return table[name] as Method;
  if (self instanceof Map && PAIRWISE.has(name)) {
    return (hash, parameters, block) => (arrayMethods[name] as Method)([...hash], parameters, block);
  }
  if (Object.hasOwn(commonMethods, name)) return commonMethods[name] as Method;
  const undefinedMethod = `undefined method '${name}' for`;
  if (self === null) throw new RubyError("NoMethodError", `${undefinedMethod} nil`);
  if (isMethodName(name) && !(self instanceof RubyObject)) {
    throw new RubyError("NoMethodError", `${undefinedMethod} ${inspect(self).slice(0, 100)}:${classOf(self)}`);
  }
  throw new UnsupportedRubyError(`method '${name}' of ${classOf(self)} is not supported`);
}

function tableOf(value: RubyValue): MethodTable {
  if (typeof value === "string" || value instanceof RubyBinary) return stringMethods;
  if (value === null) return nilMethods;
  if (isNumeric(value)) return numberMethods;
  if (Array.isArray(value)) return arrayMethods;
  if (value instanceof RubyTime) return timeMethods;
  if (value instanceof RubyRange) return rangeMethods;
  if (value instanceof RubyMatch) return matchMethods;
  if (value instanceof RegExp) return regexpMethods;
  return value instanceof Map ? hashMethods : {};
}
