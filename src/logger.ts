/**
 * The agent's own log, with fluentd's levels. The only importer of pino.
 *
 * Two forms: JSON lines, and fluentd's text line `2026-11-22 17:13:53 +0000 [info]: #0 [plugin_id] message k="v"`, for
 * terminals and for `<log> format text`. Messages and field names follow fluentd where scripts wait for them.
 * No secret may be passed to any method here.
 */

import { type Logger as Pino, pino } from "pino";
import type { SourcePosition } from "./errors.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";
export type LogFields = Readonly<Record<string, unknown>>;

/** Receives every line that is logged at or above the level: the source of `fluent.*` events. */
export type LogTap = (level: LogLevel, message: string, fields: LogFields) => void;

export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** A logger for one plugin, with its own `@log_level` where given; `position` is where it is configured. */
  child(pluginId: string, level?: LogLevel, position?: SourcePosition): Logger;
  isEnabled(level: LogLevel): boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Writes the time, milliseconds since 1970; without it ISO 8601 in JSON and fluentd's form in text. */
  readonly timeText?: ((timeMs: number) => string) | undefined;
  /** Shown in every line, where several workers write one log. */
  readonly workerId?: number | undefined;
  /** Gets whole lines, each with its newline. */
  readonly write: (line: string) => void;
  readonly tap?: LogTap;
}

export function createLogger(options: LoggerOptions): Logger {
  const isJson = options.format === "json";
  const timeText =
    options.timeText ?? ((ms: number) => (isJson ? new Date(ms).toISOString() : localTime(new Date(ms))));
  const write = isJson ? options.write : (line: string) => options.write(textLine(line));
  const root = pino(
    {
      level: options.level,
      base: options.workerId === undefined ? null : { worker_id: options.workerId },
      messageKey: "message",
      errorKey: "error",
      timestamp: () => `,"time":${JSON.stringify(timeText(Date.now()))}`,
      formatters: { level: (level) => ({ level }) },
    },
    { write },
  );
  return wrap(root, options.tap);
}

/** A logger that writes nowhere, for tests and tools. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  child: () => silentLogger,
  isEnabled: () => false,
};

function wrap(target: Pino, tap: LogTap | undefined): Logger {
  const log = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (!target.isLevelEnabled(level)) return;
    const plain = plainFields(fields ?? {});
    target[level](plain, message);
    tap?.(level, message, plain);
  };
  return {
    trace: log("trace"),
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    fatal: log("fatal"),
    child: (pluginId, level) => wrap(target.child({ plugin: pluginId }, level ? { level } : {}), tap),
    isEnabled: (level) => target.isLevelEnabled(level),
  };
}

/** Errors become their class and message, as fluentd prints them; stacks only at debug, by the caller's choice. */
function plainFields(fields: LogFields): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (value instanceof Error) {
      plain.error_class = value.name;
      plain[key] = value.message;
    } else {
      plain[key] = typeof value === "bigint" ? value.toString() : value;
    }
  }
  return plain;
}

/** fluentd's text form of one JSON log line. Source: fluentd 1.18 log.rb `caller_line` and `event`. */
function textLine(json: string): string {
  const { level, time, message, plugin, worker_id = 0, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const where = plugin === undefined ? "" : ` [${plugin}]`;
  let line = `${time} [${level}]: #${worker_id}${where} ${message ?? ""}`;
  for (const [key, value] of Object.entries(fields)) {
    line += ` ${key}=${typeof value === "string" ? JSON.stringify(value) : JSON.stringify(value ?? null)}`;
  }
  return `${line}\n`;
}

/** `2026-11-22 17:13:53 +0000` in the machine's zone. */
export function localTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}
