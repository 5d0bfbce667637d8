/**
 * Leaves out log lines that say again what was said a moment ago, as `<system>` asks with ignore_repeated_log_interval,
 * ignore_same_log_interval and emit_error_log_interval. Source: fluentd 1.18 log.rb `ignore_repeated_log?`,
 * `ignore_same_log?`; root_agent.rb `handle_emits_error`.
 */

import type { Clock } from "../clock.ts";
import type { LogFields, Logger, LogLevel } from "../logger.ts";

/** Milliseconds; undefined leaves nothing out. */
export interface RepeatRules {
  /** A line that is equal to the one before it. */
  readonly repeatedMs: number | undefined;
  /** A line that is equal to any before; goes before `repeatedMs`. */
  readonly sameMs: number | undefined;
  /** A line about an emit that failed, whatever its cause. */
  readonly emitErrorMs: number | undefined;
}

/** Lines that are kept in mind for `sameMs`. */
const MAX_LINES = 1000;
const EMIT_ERROR = "emit transaction failed:";
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** `logger` without repeats; its children and theirs are watched together. */
export function withoutRepeats(logger: Logger, rules: RepeatRules, clock: Clock): Logger {
  if (Object.values(rules).every((rule) => rule === undefined)) return logger;
  return filtered(logger, new RepeatFilter(rules, clock));
}

function filtered(logger: Logger, filter: RepeatFilter): Logger {
  const methods = LEVELS.map((level) => [
    level,
    (message: string, fields?: LogFields) => {
      if (logger.isEnabled(level) && filter.isNew(level, message, fields)) logger[level](message, fields);
    },
  ]);
  return {
    ...(Object.fromEntries(methods) as Pick<Logger, LogLevel>),
    child: (pluginId, level) => filtered(logger.child(pluginId, level), filter),
    isEnabled: (level) => logger.isEnabled(level),
  };
}

class RepeatFilter {
  readonly #rules: RepeatRules;
  readonly #clock: Clock;
  readonly #lines = new Map<string, number>();
  #last = { line: "", at: 0 };
  #emitErrorAt: number | undefined;

  constructor(rules: RepeatRules, clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  isNew(level: LogLevel, message: string, fields: LogFields = {}): boolean {
    const { emitErrorMs, repeatedMs, sameMs } = this.#rules;
    const now = this.#clock.monotonic();
    if (emitErrorMs !== undefined && message === EMIT_ERROR) {
      if (this.#emitErrorAt !== undefined && now - this.#emitErrorAt <= emitErrorMs) return false;
      this.#emitErrorAt = now;
    }
    if (sameMs === undefined && repeatedMs === undefined) return true;
    const line = `${level} ${message} ${lineText(fields)}`;
    return sameMs === undefined
      ? this.#isNewAfterLast(line, now, repeatedMs as number)
      : this.#isNew(line, now, sameMs);
  }

  #isNewAfterLast(line: string, now: number, intervalMs: number): boolean {
    if (this.#last.line === line && now - this.#last.at <= intervalMs) return false;
    this.#last = { line, at: now };
    return true;
  }

  #isNew(line: string, now: number, intervalMs: number): boolean {
    const at = this.#lines.get(line);
    if (at !== undefined && now - at <= intervalMs) return false;
    if (this.#lines.size >= MAX_LINES) {
      for (const [old, oldAt] of this.#lines) if (now - oldAt > intervalMs) this.#lines.delete(old);
      if (this.#lines.size >= MAX_LINES) this.#lines.clear();
    }
    this.#lines.set(line, now);
    return true;
  }
}

function lineText(fields: LogFields): string {
  const values = Object.entries(fields).map(
    ([key, value]) => `${key}=${value instanceof Error ? value.message : value}`,
  );
  return values.join(" ");
}
