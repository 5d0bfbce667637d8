/** Writes numbered lines to many files in turn, as fast as it can, and renames a file when it is large enough. */

import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";

const [folder = "", files = "1", lines = "1", limit = "1"] = process.argv.slice(2);
const PADDING = "x".repeat(180);
const BATCH = 50;

const open = Array.from({ length: Number(files) }, (_, file) => {
  return { path: join(folder, `c${file}.log`), descriptor: -1, byteSize: 0, rotations: 0 };
});
for (const file of open) file.descriptor = openSync(file.path, "a");
for (let line = 0; line < Number(lines); line += BATCH) {
  for (const [index, file] of open.entries()) {
    let text = "";
    for (let next = line; next < Math.min(line + BATCH, Number(lines)); next++) {
      text += `${String(index).padStart(5, "0")}-${String(next).padStart(10, "0")} ${PADDING}\n`;
    }
    file.byteSize += writeSync(file.descriptor, text);
    if (file.byteSize < Number(limit)) continue;
    renameSync(file.path, `${file.path}.${++file.rotations}`);
    closeSync(file.descriptor);
    file.descriptor = openSync(file.path, "a");
    file.byteSize = 0;
  }
}
