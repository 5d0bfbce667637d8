/** Operators by precedence, and nodes of forms that have no node of their own. */

import type { Token } from "./lexer.ts";
import { type BlockNode, call, type Node } from "./syntax.ts";
import { UnsupportedRubyError } from "./values.ts";

/** From loose to tight. `!` and `**` stand below, in `unary` and `power`. */
export const BINARY_OPERATORS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["<=>", "==", "===", "!=", "=~", "!~"],
  ["<", "<=", ">", ">="],
  ["|", "^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];

export const ASSIGNMENTS = ["=", "||=", "&&=", "+=", "-=", "*=", "/=", "**="];

/** Operators that may be called by name: `a.==(b)`. */
export const METHOD_OPERATORS = ["==", "+", "-", "*", "/", "%", "<", "<=", ">", ">=", "=~", "<<"];

export const UNSUPPORTED_KEYWORDS = ["while", "until", "def", "class", "module", "lambda", "proc", "return", "self", "ensure"]; // biome-ignore format: a list

export function rescue(body: Node, fallback: Node, name?: string): Node {
  return { kind: "rescue", body, fallback, name };
}

/** `&:name` as the block `{ |x| x.name }`. */
export function symbolBlock(symbol: Node): BlockNode {
  if (symbol.kind !== "literal" || typeof symbol.value !== "string") {
    throw new UnsupportedRubyError("'&' is only supported before a :symbol");
  }
  return { parameters: ["it"], body: call({ kind: "variable", name: "it" }, symbol.value) };
}

export function wordNodes(token: Token): Node[] {
  const text = (token.parts ?? []).join("");
  return text.split(/\s+/).flatMap((word) => (word === "" ? [] : [{ kind: "literal", value: word } as Node]));
}
