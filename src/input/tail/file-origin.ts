/** Where in a file events came from. */

import { crc32 } from "node:zlib";
import { Origin } from "../../event/origin.ts";

/**
 * The origin of the events of `text`, which stands at `from` in the file. Everything before is settled: one batch of a
 * file is on its way at a time. A written batch is enough, for the file can be read again. Without a name there is none.
 */
export function fileOrigin(file: string | undefined, from: number, text: Buffer): Origin | undefined {
  if (file === undefined) return undefined;
  const to = from + text.length;
  return new Origin([{ kind: "file", file, from, to, checksum: crc32(text), settled: from }], "written");
}
