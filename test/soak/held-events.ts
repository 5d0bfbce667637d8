/** Reads what the receiver's buffer holds, straight from its chunk files: the end of every event's way in a soak. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMulti } from "@msgpack/msgpack";

/** How often each number stands in the chunks of a folder, by field. */
export function heldNumbers(folder: string): { sent: Map<number, number>; line: Map<number, number> } {
  const held = { sent: new Map<number, number>(), line: new Map<number, number>() };
  for (const name of chunkNames(folder)) {
    for (const entry of decodeMulti(readFileSync(join(folder, name)))) {
      const [, record] = entry as [unknown, Partial<Record<"sent" | "line", number>>];
      for (const field of ["sent", "line"] as const) {
        const number = record[field];
        if (number !== undefined) held[field].set(number, (held[field].get(number) ?? 0) + 1);
      }
    }
  }
  return held;
}

/** The names of chunk files, without what lies beside them. */
export function chunkNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => /^buffer\.[bq][0-9a-f]+\.log$/.test(name));
}
