import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Counters } from "../../../../src/counters.ts";
import { fileStatus } from "../../../../src/input/tail/file-identity.ts";
import { OpenFiles } from "../../../../src/input/tail/open-files.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

test("the least recently used file is closed when more than the limit are open", async () => {
  const folder = temporaryFolder();
  const counters = new Counters();
  const files = new OpenFiles(counters, 2);
  const owners = await Promise.all(
    ["a", "b", "c"].map(async (name) => {
      const path = join(folder, name);
      writeFileSync(path, name);
      const status = await fileStatus(path);
      assert.ok(status);
      return { path, status };
    }),
  );
  const [a, b, c] = owners as [(typeof owners)[0], (typeof owners)[0], (typeof owners)[0]];
  await files.open(a, a.path, a.status);
  await files.open(b, b.path, b.status);
  files.get(a);
  await files.open(c, c.path, c.status);
  assert.deepEqual(
    owners.map((owner) => files.has(owner)),
    [true, false, true],
  );
  files.closeAll();
  assert.equal(counters.get("files_opened"), 3);
  assert.equal(counters.get("files_closed"), 3);
  assert.equal(await files.open(a, b.path, a.status), undefined, "another file than the one that is meant");
});

const GREEDY = `
const { OpenFiles } = await import(process.argv[1]);
const { readdirSync, statSync } = await import("node:fs");
const folder = process.argv[2];
const files = new OpenFiles({ add() {} });
for (const name of readdirSync(folder)) {
  const path = folder + "/" + name;
  const status = statSync(path, { bigint: true });
  const opened = await files.open({}, path, { device: status.dev, inode: status.ino, bornNs: status.birthtimeNs });
  if (opened === undefined) throw new Error("not opened: " + path);
}
console.log(readdirSync("/proc/self/fd").length < 64 - 16);
`;

test("where the system gives no more descriptors, files are closed and some are left to others", () => {
  const folder = temporaryFolder();
  for (let file = 0; file < 120; file++) writeFileSync(join(folder, String(file)), "");
  const module = new URL("../../../../src/input/tail/open-files.js", import.meta.url).href;
  const script = ["--input-type=module", "-e", GREEDY, module, folder];
  const output = execFileSync("sh", ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, ...script]);
  assert.equal(output.toString(), "true\n");
});
