/** `suiro check`: every error and warning of a configuration, in the order of its lines, as `file:line: error: …`. */

import type { ConfigurationSource } from "./configuration.ts";
import { findingsOf, shownPlace } from "./findings.ts";

/** Gives 1 when the configuration has errors, else 0. Starts nothing and opens no socket. */
export async function check(
  source: ConfigurationSource,
  print: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<number> {
  const { findings } = await findingsOf(source);
  for (const finding of findings) print(`${shownPlace(finding)}: ${finding.kind}: ${finding.message}\n`);
  const errors = findings.filter((finding) => finding.kind === "error").length;
  const warnings = findings.length - errors;
  const verdict = errors > 0 ? `${count(errors, "error")}, ${count(warnings, "warning")}` : "the configuration is good";
  print(`${source.config}: ${verdict}${errors === 0 && warnings > 0 ? `, with ${count(warnings, "warning")}` : ""}\n`);
  return errors > 0 ? 1 : 0;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
