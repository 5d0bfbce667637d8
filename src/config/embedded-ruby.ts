/** `#{…}` within a configuration: finds its end, evaluates it, and says where and why it cannot be. */

import type { SpecialValue } from "./element.ts";
import { type RubyEnvironment, SpecialValueSignal } from "./ruby/environment.ts";
import { evaluate } from "./ruby/evaluator.ts";
import { parseInterpolation } from "./ruby/parser.ts";
import { RubyError, toText, UnsupportedRubyError } from "./ruby/values.ts";
import type { TextScanner } from "./text-scanner.ts";

export type EmbeddedValue = { readonly text: string } | { readonly special: SpecialValue };

/**
 * Evaluates the code at the scanner's place, which is behind `#{`, and moves behind its closing brace. nil gives "".
 * Throws ConfigError.
 */
export function scanEmbeddedRuby(scanner: TextScanner, environment: RubyEnvironment): EmbeddedValue {
  const start = scanner.offset;
  let end = scanner.text.indexOf("\n", start);
  if (end < 0) end = scanner.text.length;
  try {
    const interpolation = parseInterpolation(scanner.text, start);
    end = interpolation.end;
    scanner.offset = end + 1;
    return { text: toText(evaluate(interpolation.program, environment)) };
  } catch (error) {
    if (error instanceof SpecialValueSignal) return { special: error.special };
    // A secret's expression may hold the secret: then only the place is named.
    const code = scanner.isSecret(start) ? "" : ` in #{${scanner.text.slice(start, end).trim()}}`;
    const at = start - 2;
    if (error instanceof RubyError) throw scanner.error(`${error.message} (${error.className})${code}`, at);
    if (error instanceof UnsupportedRubyError || error instanceof RangeError) {
      throw scanner.error(`embedded Ruby cannot be evaluated: ${error.message}${code}`, at);
    }
    throw error;
  }
}
