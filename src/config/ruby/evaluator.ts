/** Runs a syntax tree of embedded Ruby. Bounded in steps and sizes; touches nothing but its environment. */

import { TextPieces } from "./binary-text.ts";
import type { RubyEnvironment } from "./environment.ts";
import { lastMatch } from "./match.ts";
import { callMethod } from "./method-call.ts";
import { rubyRegexp } from "./regexp.ts";
import type { BlockNode, CallNode, Node } from "./syntax.ts";
import {
  checkSize,
  isTruthy,
  MAX_ITEMS,
  MAX_TEXT,
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
  lastMatch.value = null;
  return new Evaluation(environment).run(program, new Map());
}

/** Regexps without interpolation, compiled once. */
const regexps = new WeakMap<Node, RegExp>();

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
        return this.regexp(node, scope);
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
      case "match":
        return node.group === undefined ? lastMatch.value : matchedGroup(node.group);
      case "computed":
        return node.value();
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

  /** Where it has letters of its own, its first part says what it is: of expressions alone Ruby makes letters. */
  private text(parts: readonly (string | Node)[], scope: Scope): RubyValue {
    const written = parts.filter((part) => part !== "");
    const isOwn = typeof written[0] === "string" || written.every((part) => typeof part !== "string");
    const pieces = new TextPieces(isOwn ? "letters" : "ascii", true);
    for (const part of written) {
      pieces.add(typeof part === "string" ? part : this.run(part, scope));
      checkSize(pieces.length, MAX_TEXT, "characters of text");
    }
    return pieces.value();
  }

  private regexp(node: Node & { kind: "regexp" }, scope: Scope): RegExp {
    const known = regexps.get(node);
    if (known) return known;
    try {
      const regexp = rubyRegexp(toText(this.text(node.parts, scope)), node.flags);
      if (node.parts.every((part) => typeof part === "string")) regexps.set(node, regexp);
      return regexp;
    } catch (error) {
      throw new UnsupportedRubyError((error as Error).message);
    }
  }

  private hash(pairs: readonly (readonly [Node, Node])[], scope: Scope): RubyHash {
    return new Map(pairs.map(([key, value]) => [toText(this.run(key, scope)), this.run(value, scope)] as const));
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
        : callMethod(receiver, node.method, parameters, block);
    if (typeof result === "string") checkSize(result.length, MAX_TEXT, "characters of text");
    if (Array.isArray(result)) checkSize(result.length, MAX_ITEMS, "items of an array");
    return result;
  }

  /** A block sees the variables around it; its own parameters hide them. */
  private block({ parameters, body }: BlockNode, scope: Scope): RubyBlock {
    return (...values) => {
      const given = spread(parameters.length, values);
      const hidden = parameters.flat().map((name) => [name as string, scope.get(name as string)] as const);
      for (const [index, parameter] of parameters.entries()) {
        const value = given[index] ?? null;
        if (typeof parameter === "string") scope.set(parameter, value);
        else for (const [place, name] of parameter.entries()) scope.set(name, spread(2, [value])[place] ?? null);
      }
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
}

function matchedGroup(group: number): RubyValue {
  return lastMatch.value ? callMethod(lastMatch.value, "[]", [group], undefined) : null;
}

/** A block of several parameters takes one array apart; a block of one takes several values, such as a pair, as one. */
function spread(count: number, values: RubyValue[]): RubyValue[] {
  const [first] = values;
  if (count > 1 && values.length === 1 && Array.isArray(first)) return first;
  return values;
}
