/**
 * Record accessors: `name`, `$.a.b[0]`, `$['a.b'][0]["c"]`. A plain name is one field, whatever signs it has.
 * Source: fluentd 1.18 plugin_helper/record_accessor.rb.
 */

import { ConfigError, type SourcePosition } from "../errors.ts";
import type { FieldPath } from "./record-reader.ts";

/** Reads an accessor as a path. Throws ConfigError. */
export function recordAccessor(text: string, position?: SourcePosition): FieldPath {
  if (text.startsWith("$.")) return dotted(text, position);
  if (text.startsWith("$[")) return bracketed(text, position);
  return [Buffer.from(text)];
}

function dotted(text: string, position: SourcePosition | undefined): FieldPath {
  const path = text
    .slice(2)
    .replace(/\.+$/, "")
    .split(".")
    .flatMap((part) => {
      const match = /^([^[]*)((?:\[-?\d+\])*)$/.exec(part);
      if (!match) throw new ConfigError(`'${text}' is no record accessor: an index is written [0]`, position);
      const indexes = [...(match[2] as string).matchAll(/-?\d+/g)].map(([digits]) => Number(digits));
      if (/\s/.test(match[1] as string)) {
        throw new ConfigError(
          `whitespace character is not allowed in dot notation. Use bracket notation: ${match[1]}`,
          position,
        );
      }
      return match[1] === "" && indexes.length > 0 ? indexes : [Buffer.from(match[1] as string), ...indexes];
    });
  if (text.length === 2) throw new ConfigError("empty keys in dot notation", position);
  return path;
}

function bracketed(text: string, position: SourcePosition | undefined): FieldPath {
  const path: (Buffer | number)[] = [];
  const step = /\[(?:'(.*?)'|"(.*?)"|(-?\d+))\]/y;
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (!match) throw new ConfigError(`'${text}' is no record accessor: write $['name'][0]['name']`, position);
    path.push(match[3] === undefined ? Buffer.from(match[1] ?? match[2] ?? "") : Number(match[3]));
  }
  return path;
}
