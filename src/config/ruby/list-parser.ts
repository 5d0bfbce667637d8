/** Lists of embedded Ruby: parameters, arrays, hashes, and the names of a block's parameters. */

import { call, type Node } from "./syntax.ts";
import { TokenCursor } from "./token-cursor.ts";

export abstract class ListParser extends TokenCursor {
  protected abstract expression(): Node;

  protected list(open: string, close: string): Node[] {
    this.expect(open);
    const items: Node[] = [];
    for (;;) {
      this.skipNewlines();
      if (this.take(close)) return items;
      // `&:name` hands over a block; it is told apart from a parameter by a call without receiver.
      if (this.take("&")) items.push(call(undefined, "&", this.expression()));
      else items.push(this.next.type === "label" ? this.hashBody(close) : this.item(close));
      this.skipNewlines();
      if (this.take(close)) return items;
      this.expect(",");
    }
  }

  /** An item of a list; `key => value` begins a hash without braces. */
  protected item(close: string): Node {
    const item = this.expression();
    return this.at("=>") ? this.hashBody(close, item) : item;
  }

  /** Names between commas up to `close`; one level of parentheses takes an array apart. */
  protected blockParameters(close: string): (string | string[])[] {
    const parameters: (string | string[])[] = [];
    while (!this.take(close)) {
      if (close === "|" && this.take("(")) parameters.push(this.blockParameters(")").flat());
      else if (this.next.type === "identifier") parameters.push(this.advance().text);
      else throw this.unexpected();
      this.take(",");
    }
    return parameters;
  }

  /** `key => value` and `key: value` up to, and without, the closing sign. */
  protected hashBody(close: string, firstKey?: Node): Node {
    const pairs: [Node, Node][] = [];
    let given = firstKey;
    for (;;) {
      this.skipNewlines();
      if (this.at(close)) break;
      const isLabel = given === undefined && this.next.type === "label";
      const key: Node = given ?? (isLabel ? { kind: "literal", value: this.advance().text } : this.expression());
      given = undefined;
      if (!isLabel) this.expect("=>");
      this.skipNewlines();
      pairs.push([key, this.expression()]);
      this.skipNewlines();
      if (!this.take(",")) break;
    }
    return { kind: "hash", pairs };
  }
}
