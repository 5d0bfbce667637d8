import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { explain } from "../../../src/cli/explain.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function explained(config: string): Promise<{ code: number; output: string }> {
  const path = join(temporaryFolder(), "f.conf");
  writeFileSync(path, config);
  let output = "";
  const code = await explain({ config: path }, (text) => {
    output += text;
  });
  return { code, output: output.replaceAll(path, "f.conf") };
}

const SOURCE =
  "<source>\n@type tail\npath /var/log/*.log\npos_file /p\ntag k.*\n@label @K\n<parse>\n@type none\n</parse>\n</source>\n";

test("every part says what it does, in the order in which events meet it", async () => {
  const { code, output } = await explained(`${SOURCE}<label @K>
<filter k.**>\n@type grep\n</filter>
<match k.var.**>\n@type relabel\n@label @OUT\n</match>\n</label>
<label @OUT>\n<match **>\n@type forward\n<server>\nhost a\nport 1\n</server>\n<buffer>\n@type file\npath /b\n</buffer>\n</match>\n</label>\n`);
  assert.equal(code, 0, output);
  assert.match(output, /f\.conf:1 {2}tail: follows \/var\/log\/\*\.log, tag k\.\*, to @K/);
  assert.match(output, /Label @K, in this order\n {2}f\.conf:12 {2}<filter k\.\*\*> .* lets through/);
  assert.match(output, /forward: sends to a:1; buffer file in \/b/);
  assert.match(output, /k\.var\.log\.x\.log → grep \(line 12\) → relabel \(line 15\) → forward \(line 21\)/);
  assert.match(output, /Suiro runs this configuration\./);
});

test("events that nobody takes are shown", async () => {
  const { output } = await explained(`${SOURCE.replace("@label @K\n", "")}<match app.**>\n@type null\n</match>\n`);
  assert.match(output, /k\.var\.log\.x\.log → nowhere: no <match> takes it/);
});

test("what is not supported comes with what to use instead, and the exit code says so", async () => {
  const { code, output } = await explained(
    "<match a>\n@type record_reformer\n</match>\n<match **>\n@type copy\n<store>\n@type elasticsearch\n</store>\n</match>\n",
  );
  assert.equal(code, 1);
  assert.match(
    output,
    /f\.conf:1 {2}Unknown output plugin 'record_reformer'.*\n {6}instead: the filter record_transformer/,
  );
  assert.match(output, /f\.conf:6 {2}Unknown output plugin 'elasticsearch'.*\n {6}instead: send with @type forward/);
  assert.match(output, /Suiro cannot run this configuration as it is/);
});

test("a text that cannot be read is a finding, too", async () => {
  const { code, output } = await explained("<source>\n");
  assert.equal(code, 1);
  assert.match(output, /f\.conf:1 {2}expected end tag/);
});
