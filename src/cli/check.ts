/** `suiro check`: every error and warning of a configuration, in the order of its lines, as `file:line: error: …`. */

import { relative, resolve } from "node:path";
import { type Logger, silentLogger } from "../logger.ts";
import {
  type ConfigurationSource,
  createFromConfiguration,
  readConfiguration,
  withoutPosition,
} from "./configuration.ts";

interface Finding {
  readonly kind: "error" | "warning";
  readonly message: string;
  readonly file: string;
  readonly line: number;
}

/** Gives 1 when the configuration has errors, else 0. Starts nothing and opens no socket. */
export async function check(
  source: ConfigurationSource,
  print: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<number> {
  const findings = await find(source);
  const place = ({ file, line }: Finding) => (line > 0 ? `${shownPath(file)}:${line}` : shownPath(file));
  for (const finding of findings) print(`${place(finding)}: ${finding.kind}: ${finding.message}\n`);
  const errors = findings.filter((finding) => finding.kind === "error").length;
  const warnings = findings.length - errors;
  const verdict = errors > 0 ? `${count(errors, "error")}, ${count(warnings, "warning")}` : "the configuration is good";
  print(`${source.config}: ${verdict}${errors === 0 && warnings > 0 ? `, with ${count(warnings, "warning")}` : ""}\n`);
  return errors > 0 ? 1 : 0;
}

/** Relative to where the command was typed, unless that leads out of the folder. */
function shownPath(file: string): string {
  const shown = relative(process.cwd(), file);
  return shown.startsWith("..") ? file : shown;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

/** What plugins say about their configuration while they are made: they know no line, but their name. */
function warningsOf(add: (message: string) => void, pluginId?: string): Logger {
  const name = pluginId === undefined ? "" : `[${pluginId}] `;
  return {
    ...silentLogger,
    warn: (message) => add(`${name}${message}`),
    child: (id) => warningsOf(add, id),
    isEnabled: (level) => level === "warn",
  };
}

async function find(source: ConfigurationSource): Promise<Finding[]> {
  const { root, plugins, problems } = await readConfiguration(source);
  const said: Finding[] = [];
  const logger = warningsOf((message) => {
    said.push({ kind: "warning", message, file: resolve(source.config), line: 0 });
  });
  const found = root ? [problems, createFromConfiguration(root, plugins, logger).problems] : [problems];
  const errors = found
    .flatMap((part) => part.errors)
    .map((error): Finding => {
      const { file, line } = error.position ?? { file: resolve(source.config), line: 0 };
      return { kind: "error", message: withoutPosition(error), file, line };
    });
  const warnings = found
    .flatMap((part) => part.warnings)
    .map(({ message, position }): Finding => ({ kind: "warning", message, ...position }));
  return [...said, ...errors, ...warnings].sort((a, b) =>
    a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1,
  );
}
