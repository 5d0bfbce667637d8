/** Runs a syntax tree of embedded Ruby. Bounded in steps and sizes; touches nothing but its environment. */

import { arrayMethods } from "./array-methods.ts";
import type { RubyEnvironment } from "./environment.ts";
import { hashMethods } from "./hash-methods.ts";
import { numberMethods } from "./number-methods.ts";
import { commonMethods, nilMethods, rangeMethods, regexpMethods } from "./object-methods.ts";
import { rubyRegexp } from "./regexp.ts";
import { stringMethods } from "./string-methods.ts";
import type { BlockNode, CallNode, Node } from "./syntax.ts";
import {
  checkSize,
  classOf,
  isNumeric,
  isTruthy,
  MAX_ITEMS,
  MAX_TEXT,
  type Method,
  type MethodTable,
  type RubyBlock,
  RubyError,
  type RubyFunction,
  type RubyHash,
  RubyObject,
  RubyRange,
  type RubyValue,
  toText,
  UnsupportedRubyError,
} from "./values.ts";

/** Steps that one evaluation may take: far more than a configuration's expression needs, and over in milliseconds. */
const MAX_STEPS = 100_000;

/**
 * The value of `program`. Throws RubyError where Ruby would raise, UnsupportedRubyError where the expression needs more
 * than this evaluator knows or allows, and whatever the environment's functions throw.
 */
export function evaluate(program: Node, environment: RubyEnvironment): RubyValue {
  return new Evaluation(environment).run(program, new Map());
}

type Scope = Map<string, RubyValue>;

class Evaluation {
  private readonly environment: RubyEnvironment;
  private steps = 0;

  constructor(environment: RubyEnvironment) {
    this.environment = environment;
  }

  run(node: Node, scope: Scope): RubyValue {
    if (++this.steps > MAX_STEPS) throw new UnsupportedRubyError(`more than ${MAX_STEPS} steps`);
    switch (node.kind) {
      case "literal":
        return node.value;
      case "text":
        return this.text(node.parts, scope);
      case "regexp":
        return this.regexp(this.text(node.parts, scope), node.flags);
      case "array":
        return node.items.map((item) => this.run(item, scope));
      case "hash":
        return this.hash(node.pairs, scope);
      case "range":
        return new RubyRange(this.run(node.first, scope), this.run(node.last, scope), node.exclusive);
      case "variable":
        return scope.get(node.name) ?? null;
      case "constant":
        return this.constant(node.name);
      case "call":
        return this.call(node, scope);
      case "assign": {
        const value = this.run(node.value, scope);
        scope.set(node.name, value);
        return value;
      }
      case "not":
        return !isTruthy(this.run(node.operand, scope));
      case "and": {
        const left = this.run(node.left, scope);
        return isTruthy(left) ? this.run(node.right, scope) : left;
      }
      case "or": {
        const left = this.run(node.left, scope);
        return isTruthy(left) ? left : this.run(node.right, scope);
      }
      case "if":
        return this.run(isTruthy(this.run(node.test, scope)) ? node.yes : node.no, scope);
      case "rescue":
        return this.rescue(node, scope);
      case "sequence":
        return node.statements.reduce<RubyValue>((_, statement) => this.run(statement, scope), null);
    }
  }

  private text(parts: readonly (string | Node)[], scope: Scope): string {
    let text = "";
    for (const part of parts) {
      text += typeof part === "string" ? part : toText(this.run(part, scope));
      checkSize(text.length, MAX_TEXT, "characters of text");
    }
    return text;
  }

  private regexp(source: string, flags: string): RegExp {
    try {
      return rubyRegexp(source, flags);
    } catch (error) {
      throw new UnsupportedRubyError((error as Error).message);
    }
  }

  private hash(pairs: readonly (readonly [Node, Node])[], scope: Scope): RubyHash {
    return Object.fromEntries(
      pairs.map(([key, value]) => [toText(this.run(key, scope)), this.run(value, scope)] as const),
    );
  }

  private constant(name: string): RubyValue {
    const bare = name.replace(/^::/, "");
    if (!Object.hasOwn(this.environment.constants, bare)) throw new UnsupportedRubyError(`${bare} is not supported`);
    return this.environment.constants[bare] as RubyValue;
  }

  private rescue(node: Node & { kind: "rescue" }, scope: Scope): RubyValue {
    try {
      return this.run(node.body, scope);
    } catch (error) {
      if (!(error instanceof RubyError)) throw error;
      if (node.name !== undefined) {
        const { className, message } = error;
        scope.set(node.name, new RubyObject(className, { message: () => message, class: () => className }, message));
      }
      return this.run(node.fallback, scope);
    }
  }

  private call(node: CallNode, scope: Scope): RubyValue {
    const receiver = node.receiver && this.run(node.receiver, scope);
    if (node.safe && receiver === null) return null;
    const parameters = node.parameters.map((parameter) => this.run(parameter, scope));
    const block = node.block && this.block(node.block, scope);
    const result =
      receiver === undefined
        ? this.function(node)(parameters, block)
        : this.method(receiver, node.method)(receiver, parameters, block);
    if (typeof result === "string") checkSize(result.length, MAX_TEXT, "characters of text");
    if (Array.isArray(result)) checkSize(result.length, MAX_ITEMS, "items of an array");
    return result;
  }

  /** A block sees the variables around it; its own parameters hide them. */
  private block({ parameters, body }: BlockNode, scope: Scope): RubyBlock {
    return (...values) => {
      const [first] = values;
      const given = parameters.length > 1 && values.length === 1 && Array.isArray(first) ? first : values;
      const hidden = parameters.map((name) => [name, scope.get(name)] as const);
      for (const [index, name] of parameters.entries()) scope.set(name, given[index] ?? null);
      const result = this.run(body, scope);
      for (const [name, value] of hidden) {
        if (value === undefined) scope.delete(name);
        else scope.set(name, value);
      }
      return result;
    };
  }

  private function(node: CallNode): RubyFunction {
    const { functions } = this.environment;
    if (Object.hasOwn(functions, node.method)) return functions[node.method] as RubyFunction;
    throw new UnsupportedRubyError(`'${node.method}' is not known here`);
  }

  private method(self: RubyValue, name: string): Method {
    if (self instanceof RubyObject && Object.hasOwn(self.methods, name)) {
      const own = self.methods[name] as RubyFunction;
      return (_, parameters, block) => own(parameters, block);
    }
    const table = methodsOf(self);
    if (Object.hasOwn(table, name)) return table[name] as Method;
    if (Object.hasOwn(commonMethods, name)) return commonMethods[name] as Method;
    if (self === null) throw new RubyError("NoMethodError", `undefined method '${name}' for nil`);
    throw new UnsupportedRubyError(`method '${name}' of ${classOf(self)} is not supported`);
  }
}

function methodsOf(value: RubyValue): MethodTable {
  if (typeof value === "string") return stringMethods;
  if (value === null) return nilMethods;
  if (isNumeric(value)) return numberMethods;
  if (Array.isArray(value)) return arrayMethods;
  if (value instanceof RubyRange) return rangeMethods;
  if (value instanceof RegExp) return regexpMethods;
  if (typeof value === "boolean" || value instanceof RubyObject) return {};
  return hashMethods;
}
