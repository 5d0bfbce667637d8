/**
 * JSON as a value: may span lines, with comments and embedded Ruby inside, and becomes compact JSON.
 * Source: fluentd 1.18 config/literal_parser.rb `scan_json`; unlike there, comments may also stand in nested values.
 */

import { scanEmbeddedRuby } from "./embedded-ruby.ts";
import type { RubyEnvironment } from "./ruby/environment.ts";
import { floatValue } from "./ruby/number-methods.ts";
import { inspect } from "./ruby/values.ts";
import type { TextScanner } from "./text-scanner.ts";

/** Deepest nesting, so that reading it back stays within the stack. */
const MAX_DEPTH = 100;

/** Scans the value whose bracket or brace is next. Gives compact JSON; throws ConfigError. */
export function scanJson(scanner: TextScanner, environment: RubyEnvironment): string {
  const start = scanner.offset;
  const isArray = scanner.next === "[";
  const incomplete = () => scanner.error(`got incomplete JSON ${isArray ? "array" : "hash"} configuration`, start);
  const outline = new JsonOutline();
  do {
    if (scanner.atEnd || outline.depth > MAX_DEPTH) throw incomplete();
    if (scanner.next !== "#") {
      outline.add(scanner.next);
      scanner.offset++;
    } else if (!outline.inString && (outline.isComplete || !scanner.startsWith("#{"))) {
      scanner.scan(/#[^\n]*/y);
    } else if (scanner.scan(/#\{/y) !== undefined) {
      const embedded = scanEmbeddedRuby(scanner, environment);
      if ("special" in embedded) throw scanner.error(`use_${embedded.special} cannot stand within JSON`, start);
      for (const sign of embedded.text) outline.add(sign);
    } else {
      outline.add("#");
      scanner.offset++;
    }
  } while (outline.depth > 0);
  return compactJson(outline.text) ?? fail(incomplete());
}

function fail(error: Error): never {
  throw error;
}

/** JSON while it is read: whether the place is within a string, and how deep. */
class JsonOutline {
  text = "";
  depth = 0;
  inString = false;
  private escaped = false;

  add(sign: string): void {
    this.text += sign;
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (sign === "\\") this.escaped = true;
      else if (sign === '"') this.inString = false;
    } else if (sign === '"') this.inString = true;
    else if (sign === "[" || sign === "{") this.depth++;
    else if (sign === "]" || sign === "}") this.depth--;
  }

  /** Whether what stands so far is a whole value but for its last bracket: then `#{` begins a comment. */
  get isComplete(): boolean {
    const items = this.text.trimEnd().replace(/,$/, "");
    return compactJson(items + (this.text.startsWith("[") ? "]" : "}")) !== undefined;
  }
}

const TEXT = /"(?:[^"\\]|\\.)*"/g;

/** Valid JSON as Ruby writes it: no blanks, floats as floats, large integers whole. undefined for anything else. */
export function compactJson(written: string): string | undefined {
  const text = written.replace(TEXT, withoutNeedlessEscapes);
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) => {
    if (token.startsWith('"')) return JSON.stringify(JSON.parse(token));
    if (/[.eE]/.test(token)) return inspect(floatValue(Number(token)));
    return token === "-0" ? "0" : token.trim();
  });
}

/** Ruby's JSON takes `\.` for `.`, as people write it into regular expressions. */
function withoutNeedlessEscapes(text: string): string {
  return text.replace(/\\(.)/g, (pair, sign) => ('"\\/bfnrtu'.includes(sign) ? pair : sign));
}
