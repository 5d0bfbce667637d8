/** Syslog cut at its blanks: fluentd's `parser_engine string`. Source: fluentd 1.18 plugin/parser_syslog.rb. */

import { MalformedError } from "../errors.ts";
import {
  chomp,
  cutTime,
  readTime,
  type SyslogField,
  type SyslogMessage,
  type SyslogOptions,
  type SyslogTime,
} from "./syslog-message.ts";

/** `Mmm dd hh:mm:ss`. */
const SHORT_TIME_LENGTH = 15;

/** Returns false when the text does not match. Throws MalformedError. */
export function readRfc3164ByBlanks(
  text: string,
  message: SyslogMessage,
  time: SyslogTime,
  options: SyslogOptions,
): boolean {
  let cursor = 0;
  let priority: string | undefined;
  if (options.withPriority) {
    cursor = priorityEnd(text);
    if (cursor < 0) return false;
    priority = text.slice(1, cursor - 1);
  }
  const timeText = shortTime(text, cursor, time);
  if (timeText === undefined) return false;
  cursor += timeText.length + 1;
  const hostEnd = text.indexOf(" ", cursor);
  if (hostEnd < 0) return false;
  message.add("host", text.slice(cursor, hostEnd));
  if (priority !== undefined) message.add("pri", priority);
  const body = readIdent(text, hostEnd + 1, message, options.supportsColonless);
  message.add("message", chomp(text.slice(body)));
  message.time = readTime(timeText, time);
  if (options.keepsTime) message.add("time", timeText);
  return true;
}

/** Behind `<13>`; -1 when the text does not begin with a priority. Throws MalformedError when it does not end. */
function priorityEnd(text: string): number {
  if (!text.startsWith("<")) return -1;
  const end = text.indexOf(">", 1);
  if (end < 0) throw new MalformedError("the priority does not end");
  return end < 2 ? -1 : end + 1;
}

function shortTime(text: string, cursor: number, { format, words }: SyslogTime): string | undefined {
  if (format !== "%b %d %H:%M:%S" && format !== "%b %d %H:%M:%S.%N") return wordTime(text, cursor, words);
  const behind = text[cursor + SHORT_TIME_LENGTH];
  if (behind === " ") return text.slice(cursor, cursor + SHORT_TIME_LENGTH);
  if (behind !== ".") return undefined;
  const end = text.indexOf(" ", SHORT_TIME_LENGTH);
  if (end < cursor) throw new MalformedError("the text ends within its time");
  return text.slice(cursor, end);
}

/** fluentd fails at blanks in a row here. Throws MalformedError. */
function wordTime(text: string, cursor: number, words: number): string {
  const { time, isSqueezed } = cutTime(text, cursor, words);
  if (isSqueezed) throw new MalformedError("the time has several blanks in a row");
  return time;
}

/** The program and its process, `name[pid]:`; returns where the message begins. */
function readIdent(text: string, start: number, message: SyslogMessage, supportsColonless: boolean): number {
  const end = text.indexOf(" ", start);
  if (end < 0) return start;
  const hasColon = text[end - 1] === ":";
  if (!hasColon && !supportsColonless) return start;
  const nameEnd = hasColon ? end - 1 : end;
  if (text[nameEnd - 1] !== "]") {
    message.add("ident", nameEnd < start ? null : text.slice(start, nameEnd));
    return end + 1;
  }
  const bracket = text.indexOf("[", start);
  if (bracket < 0) throw new MalformedError("a bracket closes that was not opened");
  message.add("ident", text.slice(start, bracket));
  message.add("pid", nameEnd - 2 < bracket ? null : text.slice(bracket + 1, nameEnd - 1));
  return end + 1;
}

const HEADER: readonly SyslogField[] = ["host", "ident", "pid", "msgid"];

/** Returns false when the text does not match. Throws MalformedError. */
export function readRfc5424ByBlanks(
  text: string,
  message: SyslogMessage,
  time: SyslogTime,
  options: SyslogOptions,
): boolean {
  let cursor = 0;
  let priority: string | undefined;
  if (options.withPriority) {
    const end = priorityEnd(text);
    if (end < 0) return false;
    priority = text.slice(1, end - 1);
    cursor = blankAt(text, end) + 1;
  }
  const timeText = time.words > 1 ? wordTime(text, cursor, time.words) : text.slice(cursor, blankAt(text, cursor));
  cursor += timeText.length + 1;
  for (const name of HEADER) {
    const end = text.indexOf(" ", cursor);
    if (end < 0) return false;
    message.add(name, text.slice(cursor, end));
    cursor = end + 1;
  }
  if (priority !== undefined) message.add("pri", priority);
  cursor = readExtradata(text, cursor, message);
  if (cursor !== text.length) message.add("message", chomp(text.slice(cursor + 1)));
  message.time = readTime(timeText, time);
  if (options.keepsTime) message.add("time", timeText);
  return true;
}

function blankAt(text: string, start: number): number {
  const end = text.indexOf(" ", start);
  if (end < 0) throw new MalformedError("the text ends within its header");
  return end;
}

/** Returns where it ends. */
function readExtradata(text: string, start: number, message: SyslogMessage): number {
  if (text[start] === "-") {
    // The dash is fluentd's own, not the text's.
    message.add("extradata", "-", "utf-8");
    return start + 1;
  }
  const bracket = text.indexOf("] ", start);
  const end = bracket < 0 ? text.length : bracket + 1;
  message.add("extradata", text.slice(start, end).replaceAll("\\", ""));
  return end;
}
