/** Syslog with regular expressions behind the time: fluentd's usual engine. Source: fluentd 1.18 plugin/parser_syslog.rb. */

import type { ParserContext } from "./parser.ts";
import { compile } from "./regexp.ts";
import {
  chomp,
  cutTime,
  readTime,
  type SyslogField,
  type SyslogMessage,
  type SyslogOptions,
  type SyslogTime,
} from "./syslog-message.ts";
import type { TextPattern } from "./text-pattern.ts";

const RFC3164 = String.raw`(?<host>[^ ]*) (?<ident>[^ :\[]*)(?:\[(?<pid>[0-9]+)\])?(?:[^:]*:)? *(?<message>.*)$`;
const RFC5424 = [
  "(?<host>[!-~]{1,255}) (?<ident>[!-~]{1,48}) (?<pid>[!-~]{1,128}) (?<msgid>[!-~]{1,32})",
  String.raw`(?<extradata>(?:-|(?:\[.*?(?<!\\)\])+))(?: (?<message>.+))?\z`,
].join(" ");

const PRIORITY = /^<[0-9]{1,3}>/m;
const PRIORITY_AND_VERSION = /^<(\d{1,3})>\d\d{0,2}[ \t\r\n\f\v]/m;

type ReadSyslog = (text: string, message: SyslogMessage) => boolean;

export function rfc3164ByRegexp(time: SyslogTime, options: SyslogOptions, context: ParserContext): ReadSyslog {
  const pattern = compile({ source: RFC3164, flags: "" }, context, context.element.position);
  return (text, message) => {
    let start = 0;
    if (options.withPriority) {
      if (!PRIORITY.test(text)) return false;
      start = text.indexOf(">") + 1;
      message.add("pri", text.slice(1, start - 1));
    }
    return readRest(text, start, message, time, options, pattern);
  };
}

export function rfc5424ByRegexp(time: SyslogTime, options: SyslogOptions, context: ParserContext): ReadSyslog {
  const pattern = compile({ source: RFC5424, flags: "m" }, context, context.element.position);
  return (text, message) => {
    let start = 0;
    if (options.withPriority) {
      const match = PRIORITY_AND_VERSION.exec(text);
      if (!match) return false;
      message.add("pri", match[1] as string);
      start = match.index + match[0].length;
    }
    return readRest(text, start, message, time, options, pattern);
  };
}

/** Time and fields behind the priority. */
function readRest(
  text: string,
  start: number,
  message: SyslogMessage,
  time: SyslogTime,
  { keepsTime }: SyslogOptions,
  pattern: TextPattern,
): boolean {
  const cut = cutTime(text, start, time.words);
  message.time = readTime(cut.time, time);
  if (keepsTime) message.add("time", cut.time);
  const groups = pattern.groups(text.slice(cut.end + 1));
  if (!groups) return false;
  for (let index = 0; index < groups.length; index++) {
    const name = pattern.names[index] as SyslogField;
    const value = groups[index];
    if (value !== undefined) message.add(name, name === "message" ? chomp(value) : value);
  }
  return true;
}
