/** A place in a list of tokens, and the questions that a parser asks there. */

import type { Token } from "./lexer.ts";
import { UnsupportedRubyError } from "./values.ts";

export class TokenCursor {
  protected readonly tokens: readonly Token[];
  protected index = 0;

  /** `tokens` ends with a token of type `end`, beyond which the cursor never moves. */
  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  protected get next(): Token {
    return this.tokens[this.index] as Token;
  }

  protected advance(): Token {
    const token = this.next;
    if (token.type !== "end") this.index++;
    return token;
  }

  protected at(...operators: readonly string[]): boolean {
    return this.next.type === "operator" && operators.includes(this.next.text);
  }

  protected take(operator: string): boolean {
    if (!this.at(operator)) return false;
    this.index++;
    return true;
  }

  protected expect(operator: string): void {
    if (!this.take(operator)) throw this.unexpected(this.next, operator);
  }

  protected atKeyword(...words: readonly string[]): boolean {
    return this.next.type === "keyword" && words.includes(this.next.text);
  }

  protected takeKeyword(word: string): boolean {
    if (!this.atKeyword(word)) return false;
    this.index++;
    return true;
  }

  protected expectKeyword(word: string): void {
    if (!this.takeKeyword(word)) throw this.unexpected(this.next, word);
  }

  protected skipNewlines(): void {
    while (this.next.type === "newline") this.index++;
  }

  /** Whether the next line goes on with a dot. */
  protected peekDot(): boolean {
    const token = this.tokens.slice(this.index).find((candidate) => candidate.type !== "newline");
    return token?.type === "operator" && (token.text === "." || token.text === "&.");
  }

  protected unexpected(token = this.next, expected?: string): UnsupportedRubyError {
    const found = token.type === "end" || token.text === "\n" ? "the end" : `'${token.text}'`;
    return new UnsupportedRubyError(expected ? `'${expected}' is expected before ${found}` : `${found} is unexpected`);
  }
}
