/** Looks through a program before it runs: which names it uses that are not known, and whether it changes its values. */

import type { RubyEnvironment } from "./environment.ts";
import { isMethodName } from "./method-lookup.ts";
import type { CallNode, Node } from "./syntax.ts";
import { UnsupportedRubyError } from "./values.ts";

/** Methods that change their receiver in place. */
const CHANGES = new Set(
  "[]= store delete delete_if keep_if update replace clear << push append unshift prepend concat pop shift delete_at".split(
    " ",
  ),
);

const isChange = (name: string): boolean => CHANGES.has(name) || (/\w!$/.test(name) && isMethodName(name));

/** Throws UnsupportedRubyError for the first function, constant or method that is not known. */
export function checkProgram(program: Node, environment: RubyEnvironment): void {
  const { functions, constants } = environment;
  const ofConstants = new Set(Object.values(constants).flatMap(({ methods }) => Object.keys(methods)));
  visit(program, (node) => {
    if (node.kind === "constant" && !Object.hasOwn(constants, node.name.replace(/^::/, ""))) {
      throw new UnsupportedRubyError(`${node.name} is not supported`);
    }
    if (node.kind !== "call") return;
    if (node.receiver === undefined) {
      if (!Object.hasOwn(functions, node.method)) throw new UnsupportedRubyError(`'${node.method}' is not known here`);
    } else if (!isMethodName(node.method) && !ofConstants.has(node.method)) {
      throw new UnsupportedRubyError(`method '${node.method}' is not supported`);
    }
  });
}

/** Whether the program may change an array or a hash that it was given. */
export function mayChangeValues(program: Node): boolean {
  let changes = false;
  visit(program, (node) => {
    if (node.kind === "call" && node.receiver !== undefined && isChange(node.method)) changes = true;
  });
  return changes;
}

/** Calls `see` for the node and every node below it. */
export function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const child of childrenOf(node)) visit(child, see);
}

function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "text":
    case "regexp":
      return node.parts.filter((part) => typeof part !== "string");
    case "array":
      return node.items;
    case "hash":
      return node.pairs.flat();
    case "range":
      return [node.first, node.last];
    case "call":
      return callChildren(node);
    case "assign":
      return [node.value];
    case "not":
      return [node.operand];
    case "and":
    case "or":
      return [node.left, node.right];
    case "if":
      return [node.test, node.yes, node.no];
    case "rescue":
      return [node.body, node.fallback];
    case "sequence":
      return node.statements;
    default:
      return [];
  }
}

function callChildren({ receiver, parameters, block }: CallNode): Node[] {
  return [...(receiver ? [receiver] : []), ...parameters, ...(block ? [block.body] : [])];
}
