/** Embedded Ruby from text to syntax tree: the expressions that configurations use, by precedence. */

import { lex, type Token, type TokenType } from "./lexer.ts";
import { ListParser } from "./list-parser.ts";
import { type BlockNode, binaryNode, type CallNode, call, NIL, type Node } from "./syntax.ts";
import {
  ASSIGNMENTS,
  BINARY_OPERATORS,
  METHOD_OPERATORS,
  rescue,
  symbolBlock,
  UNSUPPORTED_KEYWORDS,
  wordNodes,
} from "./syntax-forms.ts";
import { UnsupportedRubyError } from "./values.ts";

/** How deep expressions may nest. */
const MAX_DEPTH = 100;

/** Parses a whole text. Throws UnsupportedRubyError. */
export function parseRuby(text: string): Node {
  return new Parser(lex(text, 0, false).tokens).program();
}

/**
 * Parses the interpolation whose code starts at `start`, behind `#{`. `end` is the offset of its closing brace.
 * Throws UnsupportedRubyError.
 */
export function parseInterpolation(text: string, start: number): { program: Node; end: number } {
  const { tokens, end } = lex(text, start, true);
  return { program: new Parser(tokens).program(), end };
}

class Parser extends ListParser {
  private depth: number;
  /** Names that were assigned, or that a block was given. */
  private readonly variables: Set<string>;

  constructor(tokens: readonly Token[], variables = new Set<string>(), depth = 0) {
    super(tokens);
    this.variables = variables;
    this.depth = depth;
  }

  program(): Node {
    const program = this.statements();
    if (this.next.type !== "end") throw this.unexpected();
    return program;
  }

  private statements(): Node {
    const statements: Node[] = [];
    for (;;) {
      this.skipNewlines();
      if (this.next.type === "end" || this.atKeyword("end", "else", "elsif", "when", "rescue") || this.at(")", "}"))
        break;
      statements.push(this.statement());
      if (this.next.type !== "newline") break;
    }
    return statements.length === 1 ? (statements[0] as Node) : { kind: "sequence", statements };
  }

  private statement(): Node {
    let node = this.wordOperators();
    for (;;) {
      if (this.takeKeyword("if")) node = { kind: "if", test: this.wordOperators(), yes: node, no: NIL };
      else if (this.takeKeyword("unless")) node = { kind: "if", test: this.wordOperators(), yes: NIL, no: node };
      else if (this.takeKeyword("rescue")) node = rescue(node, this.wordOperators());
      else return node;
    }
  }

  /** `not`, `and`, `or`: the loosest operators. */
  private wordOperators(): Node {
    let node = this.negation();
    for (;;) {
      if (this.takeKeyword("and")) node = { kind: "and", left: node, right: this.negation() };
      else if (this.takeKeyword("or")) node = { kind: "or", left: node, right: this.negation() };
      else return node;
    }
  }

  private negation(): Node {
    return this.takeKeyword("not") ? { kind: "not", operand: this.negation() } : this.expression();
  }

  protected override expression(): Node {
    if (++this.depth > MAX_DEPTH) throw new UnsupportedRubyError("expressions nest too deep");
    const node = this.assignment() ?? this.indexAssignment(this.ternary());
    this.depth--;
    return node;
  }

  /** `hash[key] = value`, `hash[key] ||= value`, when an assignment follows. */
  private indexAssignment(target: Node): Node {
    if (target.kind !== "call" || target.method !== "[]" || !target.receiver || !this.at(...ASSIGNMENTS)) return target;
    const change = this.advance().text.slice(0, -1);
    this.skipNewlines();
    const value = this.expression();
    const assign = (to: Node) => call(target.receiver, "[]=", ...target.parameters, to);
    if (change === "||") return { kind: "or", left: target, right: assign(value) };
    if (change === "&&") return { kind: "and", left: target, right: assign(value) };
    return assign(change === "" ? value : call(target, change, value));
  }

  private assignment(): Node | undefined {
    const operator = this.tokens[this.index + 1];
    if (this.next.type !== "identifier" || operator?.type !== "operator" || !ASSIGNMENTS.includes(operator.text)) {
      return undefined;
    }
    const name = this.next.text;
    this.index += 2;
    this.variables.add(name);
    let value = this.expression();
    if (this.takeKeyword("rescue")) value = rescue(value, this.expression());
    const old: Node = { kind: "variable", name };
    const change = operator.text.slice(0, -1);
    if (change === "||") return { kind: "or", left: old, right: { kind: "assign", name, value } };
    if (change === "&&") return { kind: "and", left: old, right: { kind: "assign", name, value } };
    return { kind: "assign", name, value: change === "" ? value : call(old, change, value) };
  }

  private ternary(): Node {
    const test = this.range();
    if (!this.take("?")) return test;
    this.skipNewlines();
    const yes = this.expression();
    this.skipNewlines();
    this.expect(":");
    this.skipNewlines();
    return { kind: "if", test, yes, no: this.expression() };
  }

  private range(): Node {
    const first = this.binary(0);
    const exclusive = this.at("...");
    if (!this.take("..") && !this.take("...")) return first;
    const open = this.at(")", "]") || this.next.type === "newline" || this.next.type === "end";
    return { kind: "range", first, last: open ? NIL : this.binary(0), exclusive };
  }

  private binary(level: number): Node {
    const operators = BINARY_OPERATORS[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    while (this.at(...operators)) {
      const operator = this.advance().text;
      this.skipNewlines();
      // `a || b = c` assigns, as in Ruby.
      const right = (level < 2 ? this.assignment() : undefined) ?? this.binary(level + 1);
      left = binaryNode(operator, left, right);
    }
    return left;
  }

  private unary(): Node {
    if (++this.depth > MAX_DEPTH) throw new UnsupportedRubyError("expressions nest too deep");
    let node: Node;
    if (this.take("!")) node = { kind: "not", operand: this.unary() };
    else if (this.take("-")) node = this.negative();
    else if (this.take("+")) node = this.unary();
    else node = this.power();
    this.depth--;
    return node;
  }

  /** To a number the sign belongs before anything else, but for a power: `-2.5.ceil` is -2, and `-2 ** 2` is -4. */
  private negative(): Node {
    const isNumber = this.next.type === "literal" && /^\d/.test(this.next.text) && !this.next.spaceBefore;
    if (!isNumber || this.tokens[this.index + 1]?.text === "**") return call(this.unary(), "-@");
    const base = this.postfix(call(this.primary(), "-@"));
    return this.take("**") ? call(base, "**", this.unary()) : base;
  }

  private power(): Node {
    const base = this.postfix(this.primary());
    return this.take("**") ? call(base, "**", this.unary()) : base;
  }

  /** `.method`, `&.method`, `[index]`, `::Name` behind a value. */
  private postfix(start: Node): Node {
    let node = start;
    for (;;) {
      if (this.next.type === "newline" && this.next.text === "\n" && this.peekDot()) this.skipNewlines();
      const safe = this.at("&.");
      if (this.take(".") || this.take("&.")) node = this.methodCall(node, safe);
      else if (this.at("[") && !this.next.spaceBefore) node = call(node, "[]", ...this.list("[", "]"));
      else if (this.at("::")) node = this.scoped(node);
      else return node;
    }
  }

  private scoped(node: Node): Node {
    this.expect("::");
    if (this.next.type !== "constant" || this.tokens[this.index + 1]?.text === "(") return this.methodCall(node, false);
    if (node.kind !== "constant") throw this.unexpected();
    return { kind: "constant", name: `${node.name}::${this.advance().text}` };
  }

  private methodCall(receiver: Node, safe: boolean): Node {
    const token = this.advance();
    if (token.type === "identifier" || token.type === "constant") return this.callOf(receiver, token, safe);
    if (token.text === "[" && this.take("]")) return this.callOf(receiver, { ...token, text: "[]" }, safe);
    if (METHOD_OPERATORS.includes(token.text)) return this.callOf(receiver, token, safe);
    throw this.unexpected(token);
  }

  /** The parameters and the block behind a method's name. */
  private callOf(receiver: Node | undefined, name: Token, safe: boolean): CallNode {
    let parameters: Node[] = [];
    if (this.at("(") && !this.next.spaceBefore) parameters = this.list("(", ")");
    else if (this.startsParameter()) parameters = this.commandParameters();
    let block = this.block();
    const last = parameters.at(-1);
    if (last?.kind === "call" && last.method === "&") {
      block = symbolBlock(last.parameters[0] as Node);
      parameters.pop();
    }
    return { kind: "call", receiver, method: name.text, parameters, block, safe };
  }

  /** Whether the next token is a first parameter without parentheses: `require 'ipaddr'`. */
  private startsParameter(): boolean {
    const token = this.next;
    if (!token.spaceBefore) return false;
    if (token.type === "keyword") return ["nil", "true", "false"].includes(token.text);
    return (["literal", "text", "regexp", "words", "identifier", "constant"] as TokenType[]).includes(token.type);
  }

  private commandParameters(): Node[] {
    const parameters = [this.expression()];
    while (this.take(",")) {
      this.skipNewlines();
      parameters.push(this.expression());
    }
    return parameters;
  }

  private block(): BlockNode | undefined {
    const braces = this.at("{");
    if (!braces && !this.atKeyword("do")) return undefined;
    this.advance();
    const outer = new Set(this.variables);
    const parameters = this.take("|") ? this.blockParameters("|") : [];
    const names = parameters.flat();
    for (const name of names) this.variables.add(name);
    const body = this.statements();
    if (braces) this.expect("}");
    else this.expectKeyword("end");
    for (const name of names) if (!outer.has(name)) this.variables.delete(name);
    return { parameters, body };
  }

  private primary(): Node {
    const token = this.advance();
    switch (token.type) {
      case "literal":
        return { kind: "literal", value: token.value ?? null };
      case "text":
        return this.text(token);
      case "words":
        return { kind: "array", items: wordNodes(token) };
      case "regexp":
        return { kind: "regexp", parts: this.parts(token), flags: token.text };
      case "constant":
        return this.at("(") && !this.next.spaceBefore
          ? this.callOf(undefined, token, false)
          : { kind: "constant", name: token.text };
      case "identifier":
        return this.identifier(token);
      case "keyword":
        return this.keyword(token);
      case "operator":
        return this.bracketed(token);
      default:
        throw this.unexpected(token);
    }
  }

  private identifier(token: Token): Node {
    if (token.text.startsWith("$")) {
      return { kind: "match", group: token.text === "$~" ? undefined : Number(token.text.slice(1)) || 0 };
    }
    const isCall = this.at("(") && !this.next.spaceBefore;
    if (this.variables.has(token.text) && !isCall) return { kind: "variable", name: token.text };
    return this.callOf(undefined, token, false);
  }

  /** Texts that stand side by side are one. */
  private text(first: Token): Node {
    const parts = [...this.parts(first)];
    while (this.next.type === "text") parts.push(...this.parts(this.advance()));
    if (parts.every((part) => typeof part === "string")) return { kind: "literal", value: parts.join("") };
    return { kind: "text", parts };
  }

  private parts(token: Token): (string | Node)[] {
    return (token.parts ?? []).map((part) =>
      typeof part === "string" ? part : new Parser(part, this.variables, this.depth).program(),
    );
  }

  private bracketed(token: Token): Node {
    if (token.text === "[") {
      this.index--;
      return { kind: "array", items: this.list("[", "]") };
    }
    if (token.text === "{") {
      const hash = this.hashBody("}");
      this.expect("}");
      return hash;
    }
    if (token.text !== "(") throw this.unexpected(token);
    const body = this.statements();
    this.expect(")");
    return body;
  }

  private keyword(token: Token): Node {
    if (token.text === "nil") return NIL;
    if (token.text === "true" || token.text === "false") return { kind: "literal", value: token.text === "true" };
    if (token.text === "if" || token.text === "unless") return this.condition(token.text === "unless");
    if (token.text === "begin") return this.begin();
    if (token.text === "case") return this.caseOf();
    if (UNSUPPORTED_KEYWORDS.includes(token.text)) throw new UnsupportedRubyError(`'${token.text}' is not supported`);
    throw this.unexpected(token);
  }

  private condition(negated: boolean): Node {
    const test = this.wordOperators();
    this.takeKeyword("then");
    const body = this.statements();
    let otherwise: Node = NIL;
    if (this.takeKeyword("elsif")) otherwise = this.condition(false);
    else {
      if (this.takeKeyword("else")) otherwise = this.statements();
      this.expectKeyword("end");
    }
    return negated ? { kind: "if", test, yes: otherwise, no: body } : { kind: "if", test, yes: body, no: otherwise };
  }

  /** `case value when a, b then … else … end`; without a value each `when` is a condition. */
  private caseOf(): Node {
    const value = this.next.type === "newline" ? undefined : this.wordOperators();
    const name = `case ${this.index}`;
    const branches: { test: Node; body: Node }[] = [];
    this.skipNewlines();
    while (this.takeKeyword("when")) {
      const tests = this.commandParameters().map((pattern) =>
        value ? call(pattern, "===", { kind: "variable", name }) : pattern,
      );
      this.takeKeyword("then");
      branches.push({ test: tests.reduce((left, right) => ({ kind: "or", left, right })), body: this.statements() });
    }
    const otherwise = this.takeKeyword("else") ? this.statements() : NIL;
    this.expectKeyword("end");
    const choice = branches.reduceRight<Node>((no, { test, body }) => ({ kind: "if", test, yes: body, no }), otherwise);
    return value ? { kind: "sequence", statements: [{ kind: "assign", name, value }, choice] } : choice;
  }

  /** `begin … rescue Class => name … end`; every class is caught. */
  private begin(): Node {
    let node = this.statements();
    if (this.takeKeyword("rescue")) {
      while (this.next.type === "constant" || this.at("::", ",")) this.advance();
      const name = this.take("=>") ? this.advance().text : undefined;
      if (name !== undefined) this.variables.add(name);
      this.takeKeyword("then");
      node = rescue(node, this.statements(), name);
    }
    this.expectKeyword("end");
    return node;
  }
}
