/**
 * `@type syslog`: RFC 3164, RFC 5424, or whichever a text shows. `types` and the nil parameters have no effect, as in
 * fluentd. Source: fluentd 1.18 plugin/parser_syslog.rb.
 */

import { bool, enumeration, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { textToSplit } from "./byte-text.ts";
import { commonParameters, eventTimeParser } from "./common-parameters.ts";
import { EntryWriter } from "./entry-writer.ts";
import type { ParserContext, ParserDefinition } from "./parser.ts";
import { readRfc3164ByBlanks, readRfc5424ByBlanks } from "./syslog-by-blanks.ts";
import { rfc3164ByRegexp, rfc5424ByRegexp } from "./syslog-by-regexp.ts";
import { SyslogMessage, type SyslogTime, wordsOf } from "./syslog-message.ts";

const table = section({
  ...commonParameters({}),
  time_format: string.default(
    "Format of times in RFC 3164, and in RFC 5424 where that alone is read.",
    "%b %d %H:%M:%S",
  ),
  with_priority: bool.default("Texts begin with a priority such as <13>.", false),
  message_format: enumeration("rfc3164", "rfc5424", "auto").default("What the texts follow.", "rfc3164"),
  rfc5424_time_format: string.default("Format of times in RFC 5424.", "%Y-%m-%dT%H:%M:%S.%L%z"),
  parser_engine: enumeration("regexp", "string").default("How the header is cut.", "regexp", { alias: "parser_type" }),
  support_colonless_ident: bool.default("With the string engine: a program's name needs no colon.", true),
});

type Config = ConfigOf<typeof table>;

/** Reads a text into the message; false when it does not match. Throws MalformedError. */
type ReadSyslog = (text: string, message: SyslogMessage) => boolean;

const RFC5424 = /^<[0-9]{1,3}>[1-9]\d{0,2}/m;

export const syslogParser: ParserDefinition<Config> = {
  kind: "parser",
  type: "syslog",
  table,
  create(config, context) {
    const read = reader(config, context);
    const heads = new EntryWriter(config, context.clock);
    const message = new SyslogMessage();
    // Ruby matches a text only where all its letters are whole.
    const isMatched = config.messageFormat === "auto" || config.parserEngine === "regexp";
    const encoding = isMatched ? context.encoding : "binary";
    return {
      parse(bytes, start, end, target) {
        message.clear();
        if (!read(textToSplit(bytes, start, end, encoding), message)) return false;
        heads.time(target, message.time.seconds, message.time.nanoseconds);
        message.writeRecord(target.writer, context.encoding);
        target.size += 1;
        return true;
      },
    };
  },
};

function reader(config: Config, context: ParserContext): ReadSyslog {
  const isAuto = config.messageFormat === "auto";
  const hasOwnFormat = !isAuto && context.element.parameter("time_format") !== undefined;
  const format5424 = hasOwnFormat ? config.timeFormat : config.rfc5424TimeFormat;
  const time = (format: string) => eventTimeParser(config, context.clock, { format });
  const time3164: SyslogTime = {
    format: config.timeFormat,
    words: wordsOf(config.timeFormat),
    parser: time(config.timeFormat),
    otherwise: undefined,
  };
  const time5424: SyslogTime = {
    format: format5424,
    words: wordsOf(format5424),
    parser: time(format5424),
    otherwise: time("%Y-%m-%dT%H:%M:%S%z"),
  };
  const options = {
    withPriority: config.withPriority,
    keepsTime: config.keepTimeKey,
    supportsColonless: config.supportColonlessIdent,
  };
  const isRegexp = config.parserEngine === "regexp";
  const read3164: ReadSyslog = isRegexp
    ? rfc3164ByRegexp(time3164, options, context)
    : (text, message) => readRfc3164ByBlanks(text, message, time3164, options);
  const read5424: ReadSyslog = isRegexp
    ? rfc5424ByRegexp(time5424, options, context)
    : (text, message) => readRfc5424ByBlanks(text, message, time5424, options);
  if (isAuto) return (text, message) => (RFC5424.test(text) ? read5424 : read3164)(text, message);
  return config.messageFormat === "rfc3164" ? read3164 : read5424;
}
