import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PositionFile } from "../../../../src/input/tail/position-file.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const onError = (error: unknown) => assert.ifError(error);

function open(context: TestContext, text?: string) {
  const path = join(temporaryFolder(), "folder", "pos");
  const modes = { file: 0o640, folder: 0o755 };
  if (text !== undefined) {
    PositionFile.open(path, modes, onError).close();
    writeFileSync(path, text);
  }
  const file = PositionFile.open(path, modes, onError);
  context.after(() => file.close());
  return { file, path, text: () => readFileSync(path, "utf8") };
}

const line = (path: string, offset: string, inode: string) =>
  `${path}\t${offset.padStart(16, "0")}\t${inode.padStart(16, "0")}\n`;

test("a line is appended with zeros and then overwritten in place", (context) => {
  const { file, path, text } = open(context);
  const first = file.append("/x/ä.log");
  const second = file.append("/y");
  assert.equal(text(), line("/x/ä.log", "0", "0") + line("/y", "0", "0"));
  first.restart(0xaaa02fn, 5);
  second.restart(1n, 0);
  second.moveTo(0xabc);
  assert.equal(text(), line("/x/ä.log", "5", "aaa02f") + line("/y", "abc", "1"));
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test("lines that are none, and unwatched ones, are left out; numbers may have any width", (context) => {
  const bad: string[] = [];
  const { file } = open(
    context,
    `nonsense\n/a\t5\tF\n${line("/b", "ffffffffffffffff", "2")}/c\t00000000000000000007\t3\n`,
  );
  assert.deepEqual(
    file.read((text) => bad.push(text)),
    [
      { path: "/a", offset: 5, inode: 15n },
      { path: "/c", offset: 7, inode: 3n },
    ],
  );
  assert.deepEqual(bad, ["nonsense"]);
});

test("the lines of a path move up when the first one is done", (context) => {
  const { file, text } = open(context);
  const [old, other, middle, current] = ["/x", "/o", "/x", "/x"].map((path) => file.append(path));
  for (const [index, position] of [old, other, middle, current].entries()) position?.restart(BigInt(index + 1), index);
  assert.ok(old && middle && current);
  assert.equal(file.remove(old), true);
  assert.equal(text(), line("/x", "2", "3") + line("/o", "1", "2") + line("/x", "3", "4"));
  current.moveTo(9);
  assert.equal(file.remove(middle), true);
  assert.equal(text(), line("/x", "9", "4") + line("/o", "1", "2"));
  current.moveTo(10);
  assert.equal(text(), line("/x", "a", "4") + line("/o", "1", "2"));
  assert.equal(file.remove(current), false);
});

test("lines that are done leave the file together, and at the close at the latest", (context) => {
  const path = join(temporaryFolder(), "pos");
  const modes = { file: 0o644, folder: 0o755 };
  const due: (() => void)[] = [];
  const file = PositionFile.open(path, modes, onError, (action) => due.push(action));
  context.after(() => file.close());
  const text = () => readFileSync(path, "utf8");
  const lines = ["/x", "/y", "/x", "/y"].map((name) => file.append(name));
  for (const [index, position] of lines.entries()) position.restart(BigInt(index + 1), index);
  const before = text();
  for (const position of lines.slice(0, 2)) assert.equal(file.remove(position), true);
  assert.equal(text(), before);
  lines[2]?.moveTo(8);
  const late = file.append("/z");
  late.restart(9n, 9);
  assert.equal(text(), before.replace(line("/x", "2", "3"), line("/x", "8", "3")) + line("/z", "9", "9"));
  assert.equal(due.length, 1);
  due[0]?.();
  assert.equal(text(), line("/x", "8", "3") + line("/y", "3", "4") + line("/z", "9", "9"));
  late.moveTo(10);
  const next = file.append("/z");
  next.restart(10n, 1);
  file.remove(late);
  file.close();
  assert.equal(text(), line("/x", "8", "3") + line("/y", "3", "4") + line("/z", "1", "a"));
});
