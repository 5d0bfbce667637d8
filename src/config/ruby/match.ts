/** Matching: runs a regexp on a text, remembers what it found for `$~` and `$1`, and the methods of what it found. */

import { hasRawBytes } from "./text.ts";
import { integerOf, type MethodTable, RubyError, RubyMatch, type RubyValue, textOf } from "./values.ts";

/** What the last match found. Evaluations follow one another, so one place serves all; each begins with none. */
export const lastMatch: { value: RubyMatch | null } = { value: null };

/** Runs `pattern` and remembers what it found. Throws ArgumentError where the text is no valid UTF-8, as Ruby does. */
export function matchText(pattern: RegExp, text: string): RubyMatch | null {
  const found = pattern.exec(checkedText(text));
  lastMatch.value = found && new RubyMatch(found);
  return lastMatch.value;
}

/** The text itself; ArgumentError where it holds bytes that are no UTF-8. */
export function checkedText(text: string): string {
  if (hasRawBytes(text)) throw new RubyError("ArgumentError", "invalid byte sequence in UTF-8");
  return text;
}

const groupKey = (key: RubyValue | undefined): number | string => (typeof key === "number" ? key : textOf(key));

export const matchMethods: MethodTable<RubyMatch> = {
  "[]": (self, [key]) => self.group(groupKey(key)),
  to_a: ({ match }) => Array.from(match, (group) => group ?? null),
  captures: ({ match }) => Array.from(match, (group) => group ?? null).slice(1),
  named_captures: ({ match }) =>
    new Map(Object.entries(match.groups ?? {}).map(([name, group]) => [name, group ?? null])),
  names: ({ match }) => Object.keys(match.groups ?? {}),
  pre_match: ({ match }) => match.input.slice(0, match.index),
  post_match: ({ match }) => match.input.slice(match.index + match[0].length),
  begin: (self, [group = 0]) => (integerOf(group) === 0 ? self.match.index : null),
  values_at: (self, keys) => keys.map((key) => self.group(groupKey(key))),
};
