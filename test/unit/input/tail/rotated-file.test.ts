import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { type FileStatus, fileStatus } from "../../../../src/input/tail/file-identity.ts";
import { findFilesBetween, findRotatedFile } from "../../../../src/input/tail/rotated-file.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** A file that is written and, but for the last, renamed; as if all had been made within one step of the clock. */
async function rotate(path: string, names: readonly string[]): Promise<FileStatus[]> {
  const made: FileStatus[] = [];
  for (const name of names) {
    writeFileSync(path, name);
    const status = await fileStatus(path);
    assert.ok(status);
    made.push(status);
    if (name !== basename(path)) renameSync(path, join(dirname(path), name));
  }
  const bornNs = made.at(-1)?.bornNs as bigint;
  return made.map((status) => ({ ...status, bornNs }));
}

test("files between two others are those with the name behind which they were, in the order of their making", async () => {
  const path = join(temporaryFolder(), "x.log");
  const made = await rotate(path, ["x.log.1", "x.log.2", "x.log.3", "x.log"]);
  const [older, , , newer] = made as [FileStatus, FileStatus, FileStatus, FileStatus];
  for (const name of ["x.log.2.gz", "y.log.2"]) writeFileSync(join(dirname(path), name), "");
  const found = await findFilesBetween(path, { ...older, bornNs: 1n, namedNs: 1n }, newer, true);
  assert.deepEqual(
    found.map((file) => basename(file.path)),
    ["x.log.2", "x.log.3"],
  );
});

test("what was made while the older one had the name is a copy of it", async () => {
  const path = join(temporaryFolder(), "x.log");
  const [older, copy, newer] = (await rotate(path, ["x.log.1", "x.log.copy", "x.log"])) as [
    FileStatus,
    FileStatus,
    FileStatus,
  ];
  const find = (namedNs: bigint) => findFilesBetween(path, { ...older, bornNs: 1n, namedNs }, newer, true);
  const realCopy = (await fileStatus(join(dirname(path), "x.log.copy"))) as FileStatus;
  assert.equal((await find(realCopy.bornNs)).length, 1);
  assert.equal((await find(realCopy.bornNs + 1n)).length, 0);
  assert.equal(copy.inode, realCopy.inode);
});

test("what has the name by now is not taken for a file that was there before", async () => {
  const path = join(temporaryFolder(), "x.log");
  // The look saw the second file; the third has its name since.
  const [first, second] = (await rotate(path, ["x.log.1", "x.log.2", "x.log"])) as [FileStatus, FileStatus];
  const found = await findFilesBetween(path, { ...first, bornNs: 1n, namedNs: 1n }, second, true);
  assert.deepEqual(found, []);
});

test("a rotated file is found by its inode, behind a link and under a new name, but never as a compressed one", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "pods"));
  const real = join(folder, "pods", "0.log");
  const link = join(folder, "web.log");
  writeFileSync(real, "1");
  symlinkSync(real, link);
  const { inode, device } = (await fileStatus(real)) as FileStatus;
  renameSync(real, join(folder, "pods", "0.log.20231114"));
  writeFileSync(real, "2");
  assert.equal((await findRotatedFile([link], inode, device))?.path, join(folder, "pods", "0.log.20231114"));
  renameSync(join(folder, "pods", "0.log.20231114"), join(folder, "pods", "0.log.20231114.gz"));
  assert.equal(await findRotatedFile([link], inode, device), undefined);
});
