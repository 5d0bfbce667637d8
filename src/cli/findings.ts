/** Everything that is wrong, or likely not meant, in a configuration, with its place: for `suiro check` and `explain`. */

import { relative, resolve } from "node:path";
import type { ConfigElement } from "../config/element.ts";
import type { SourcePosition } from "../errors.ts";
import { type Logger, silentLogger } from "../logger.ts";
import {
  type ConfigurationSource,
  createFromConfiguration,
  readConfiguration,
  withoutPosition,
} from "./configuration.ts";

export interface Finding extends SourcePosition {
  readonly kind: "error" | "warning";
  readonly message: string;
}

export interface Findings {
  /** Undefined when the text itself is bad. */
  readonly root: ConfigElement | undefined;
  /** File by file, in the order of lines; `line` is 0 where no single one is to blame. */
  readonly findings: readonly Finding[];
}

/** Builds the agent of a configuration, and throws it away. Starts nothing and opens no socket. */
export async function findingsOf(source: ConfigurationSource): Promise<Findings> {
  const { root, plugins, problems } = await readConfiguration(source);
  const whole: SourcePosition = { file: resolve(source.config), line: 0 };
  const said: Finding[] = [];
  const logger = warningsTo((message, place) => said.push({ kind: "warning", message, ...place }), whole);
  const found = root ? [problems, createFromConfiguration(root, plugins, logger).problems] : [problems];
  const errors = found
    .flatMap((part) => part.errors)
    .map((error): Finding => ({ kind: "error", message: withoutPosition(error), ...(error.position ?? whole) }));
  const warnings = found
    .flatMap((part) => part.warnings)
    .map(({ message, position }): Finding => ({ kind: "warning", message, ...position }));
  const byPlace = (a: Finding, b: Finding) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1);
  return { root, findings: [...said, ...errors, ...warnings].sort(byPlace) };
}

/** What plugins say about their configuration while they are made, with the place where they stand. */
function warningsTo(add: (message: string, place: SourcePosition) => void, place: SourcePosition): Logger {
  return {
    ...silentLogger,
    warn: (message, { file, line } = {}) =>
      add(message, typeof file === "string" && typeof line === "number" ? { file, line } : place),
    child: (_id, _level, position = place) => warningsTo(add, position),
    isEnabled: (level) => level === "warn",
  };
}

/** `file:line`, relative to where the command was typed, unless that leads out of the folder. */
export function shownPlace({ file, line }: SourcePosition): string {
  const path = relative(process.cwd(), file);
  return `${path.startsWith("..") ? file : path}${line > 0 ? `:${line}` : ""}`;
}
