/**
 * Texts with Ruby in `${…}`: compiled by the safe evaluator, every name checked before the first event. A text that is
 * one expression keeps the value's type. Source: fluentd 1.18 filter_record_transformer.rb `RubyPlaceholderExpander`.
 */

import type { RubyEnvironment } from "../config/ruby/environment.ts";
import { evaluate } from "../config/ruby/evaluator.ts";
import { parseRuby } from "../config/ruby/parser.ts";
import { checkProgram } from "../config/ruby/program-check.ts";
import type { Node } from "../config/ruby/syntax.ts";
import { type RubyValue, toText, UnsupportedRubyError } from "../config/ruby/values.ts";
import { ConfigError, errorMessage, type SourcePosition } from "../errors.ts";
import { encode } from "../event/msgpack.ts";
import { constant } from "./placeholder-template.ts";
import { rubyValueBytes } from "./ruby-value-writer.ts";
import type { CompileText } from "./value-template.ts";

/** Compiles `code`; names and methods that are not known are ConfigErrors. */
export function compileRuby(
  code: string,
  environment: RubyEnvironment,
  position: SourcePosition | undefined,
  shown = code,
): Node {
  try {
    const program = parseRuby(code);
    checkProgram(program, environment);
    return program;
  } catch (error) {
    if (!(error instanceof UnsupportedRubyError || error instanceof RangeError)) throw error;
    throw new ConfigError(
      `the expression cannot be evaluated: ${error.message} in \`${shown}\`. ` +
        "Suiro knows the part of Ruby that records need, see docs/configuration.md.",
      position,
    );
  }
}

/**
 * Compiles texts whose events `environment` gives. `quote` makes the text of a whole value from one with expressions in
 * it: `%Q[…]` or `"…"`. `position` says where the text stands.
 */
export function rubyCompiler(
  environment: RubyEnvironment,
  quote: (text: string) => string,
  keepsType: boolean,
  position: () => SourcePosition | undefined,
): CompileText {
  return (text, asText) => {
    const count = text.split("${").length - 1;
    const isSole = keepsType && !asText && count === 1 && text.startsWith("${") && text.endsWith("}");
    const code = isSole ? text.slice(2, -1) : quote(text.replaceAll("${", "#{"));
    const program = compileRuby(code, environment, position(), text);
    if (program.kind === "literal" && typeof program.value === "string") return constant(encode(program.value));
    return {
      isConstant: false,
      value: () => {
        const value = run(program, environment, code);
        return rubyValueBytes(asText ? toText(value) : value);
      },
    };
  };
}

function run(program: Node, environment: RubyEnvironment, code: string): RubyValue {
  try {
    return evaluate(program, environment);
  } catch (error) {
    throw new Error(`failed to expand \`${code}\` : error = ${errorMessage(error)}`, { cause: error });
  }
}
