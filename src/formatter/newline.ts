/** The end of a line, as fluentd's text formatters let it be chosen. */

import { bool, enumeration } from "../config/literals.ts";

export const newlineParameter = {
  newline: enumeration("lf", "crlf").default("End of a line: lf or crlf.", "lf"),
};

export const addNewlineParameter = {
  add_newline: bool.default("End every event with a newline.", true),
};

/** The bytes that end a line. */
export function newlineText(config: { readonly newline: "lf" | "crlf"; readonly addNewline?: boolean }): string {
  if (config.addNewline === false) return "";
  return config.newline === "crlf" ? "\r\n" : "\n";
}
