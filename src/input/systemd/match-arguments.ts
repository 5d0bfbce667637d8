/** Which entries of the journal a source wants, as arguments of journalctl. */

import { ConfigError, type SourcePosition } from "../../errors.ts";

/**
 * `matches`, each a JSON object `{"FIELD": "value", "OTHER": ["one", "another"]}`: all fields of one must match, one of
 * the values of each; one of the objects must match. Throws ConfigError.
 */
export function matchArguments(matches: readonly string[], position: SourcePosition): string[] {
  return matches.flatMap((text, index) => [...(index > 0 ? ["+"] : []), ...termsOf(text, position)]);
}

function termsOf(text: string, position: SourcePosition): string[] {
  let match: unknown;
  try {
    match = JSON.parse(text);
  } catch {
    match = undefined;
  }
  if (typeof match !== "object" || match === null || Array.isArray(match)) {
    throw new ConfigError(
      `matches must be JSON objects such as [{"_SYSTEMD_UNIT": "a.service"}], not ${text}`,
      position,
    );
  }
  return Object.entries(match).flatMap(([field, values]) => {
    const name = field.toUpperCase();
    if (!/^[A-Z0-9_]+$/.test(name))
      throw new ConfigError(`matches: '${field}' is no name of a journal's field`, position);
    return [values].flat().map((value) => `${name}=${value}`);
  });
}
