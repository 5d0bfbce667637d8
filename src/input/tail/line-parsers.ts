/** The parsers of a tail source: which takes a text depends on what Ruby would take the text for. */

import type { ConfigElement } from "../../config/element.ts";
import { parseBool } from "../../config/literals.ts";
import { silentLogger } from "../../logger.ts";
import type { Parser, ParserOwner, TextEncoding } from "../../parser/parser.ts";
import { createParser } from "../../parser/parser-list.ts";
import { parserEncoding } from "./text-encoding.ts";

export interface LineParsers {
  readonly parser: Parser;
  /** What its texts are. */
  readonly encoding: TextEncoding;
  /**
   * Takes the texts that are all ASCII, where fluentd gathers the lines of an event in a text of letters: only bytes
   * beyond ASCII make that one of bytes.
   */
  readonly asciiParser: Parser | undefined;
}

/** Throws ConfigError. */
export function lineParsers(section: ConfigElement, { clock, logger }: ParserOwner): LineParsers {
  const encoding = parserEncoding(section.text("encoding"));
  const emitsUnmatched = parseBool(section.text("emit_unmatched_lines") ?? "false") ?? false;
  const parser = createParser(section, { clock, logger, encoding, emitsUnmatched });
  const gathersLines = parser.isMultiline && !parser.isFirstLine && !parser.isWhole;
  const asciiParser =
    encoding === "binary" && gathersLines
      ? createParser(section, { clock, logger: silentLogger, encoding: "utf-8", emitsUnmatched })
      : undefined;
  return { parser, encoding, asciiParser };
}
