/** The syntax tree of embedded Ruby. Operators are calls: `a + b` is `a.+(b)`. */

import type { RubyValue } from "./values.ts";

export type Node =
  | { readonly kind: "literal"; readonly value: RubyValue }
  | { readonly kind: "text"; readonly parts: readonly (string | Node)[] }
  | { readonly kind: "regexp"; readonly parts: readonly (string | Node)[]; readonly flags: string }
  | { readonly kind: "array"; readonly items: readonly Node[] }
  | { readonly kind: "hash"; readonly pairs: readonly (readonly [Node, Node])[] }
  | { readonly kind: "range"; readonly first: Node; readonly last: Node; readonly exclusive: boolean }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "constant"; readonly name: string }
  /** `$1`, or `$~` without a group. */
  | { readonly kind: "match"; readonly group: number | undefined }
  /** A value that the host computes. */
  | { readonly kind: "computed"; readonly value: () => RubyValue }
  | CallNode
  | { readonly kind: "assign"; readonly name: string; readonly value: Node }
  | { readonly kind: "not"; readonly operand: Node }
  | { readonly kind: "and" | "or"; readonly left: Node; readonly right: Node }
  | { readonly kind: "if"; readonly test: Node; readonly yes: Node; readonly no: Node }
  | { readonly kind: "rescue"; readonly body: Node; readonly fallback: Node; readonly name: string | undefined }
  | { readonly kind: "sequence"; readonly statements: readonly Node[] };

export interface CallNode {
  readonly kind: "call";
  /** Absent: a function of the environment, such as `hostname`. */
  readonly receiver: Node | undefined;
  readonly method: string;
  readonly parameters: readonly Node[];
  readonly block: BlockNode | undefined;
  /** `&.`: nil gives nil. */
  readonly safe: boolean;
}

export interface BlockNode {
  /** Names; a list of names takes an array apart: `|(key, value), sum|`. */
  readonly parameters: readonly (string | readonly string[])[];
  readonly body: Node;
}

export const NIL: Node = { kind: "literal", value: null };

export function call(receiver: Node | undefined, method: string, ...parameters: Node[]): CallNode {
  return { kind: "call", receiver, method, parameters, block: undefined, safe: false };
}

/** `left operator right`; `!=` and `!~` are negations. */
export function binaryNode(operator: string, left: Node, right: Node): Node {
  if (operator === "||") return { kind: "or", left, right };
  if (operator === "&&") return { kind: "and", left, right };
  if (operator === "!=") return { kind: "not", operand: call(left, "==", right) };
  if (operator === "!~") return { kind: "not", operand: call(left, "=~", right) };
  return call(left, operator, right);
}
