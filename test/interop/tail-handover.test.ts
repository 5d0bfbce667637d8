/** fluentd and Suiro follow the same files, one after the other, with one pos_file. */

import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const skip = withoutFluentd;
const FILES = 5;

test("fluentd, Suiro, fluentd on growing, rotating files: every line once", { skip }, async (context) => {
  const { folder, receiver, config } = await setUp(context);
  const written: string[] = [];
  const write = (file: number, text: string) => {
    appendFileSync(join(folder, `x${file}.log`), `${text}\n`);
    written.push(text);
  };
  const round = (name: string) => {
    for (let file = 0; file < FILES; file++) for (let n = 0; n < 20; n++) write(file, `${name}-${file}-${n}`);
  };
  const rotate = (file: number, round: string) => {
    renameSync(join(folder, `x${file}.log`), join(folder, `x${file}.log.${round}`));
    write(file, `${round}-new-${file}`);
  };
  const arrived = () => receiver.waitFor((events) => events.length >= written.length);

  for (const [life, start] of [startFluentd, startSuiro, startFluentd, startSuiro].entries()) {
    // What is written while nobody runs; fluentd does not find what is rotated then.
    round(`away${life}`);
    if (start === startSuiro) rotate(0, `away-rotated${life}`);
    const agent = await start(config);
    round(`first${life}`);
    await arrived();
    rotate(1, `rotated${life}`);
    await arrived();
    round(`last${life}`);
    await arrived();
    await agent.stop();
  }
  assert.deepEqual(receiver.events.map(({ record }) => text(record.message)).sort(), written.sort());
});

test("the pos_file has fluentd's bytes: at first, after growth, with half a line, after rotation", {
  skip,
}, async (context) => {
  const contents: string[][] = [];
  for (const start of [startFluentd, startSuiro]) {
    const { folder, receiver, config } = await setUp(context, "rotate_wait 1");
    const seen: string[] = [];
    contents.push(seen);
    const path = (name: string) => join(folder, name);
    const look = () => {
      const names = ["x0.log", "x1.log"].filter((name) => existsSync(path(name)));
      const inodes = names.map((name) => statSync(path(name)).ino.toString(16).padStart(16, "0"));
      let text = readFileSync(path("pos"), "utf8").replaceAll(folder, "");
      for (const [index, inode] of inodes.entries()) text = text.replaceAll(inode, `inode${index}`);
      seen.push(text);
    };
    writeFileSync(path("x0.log"), "1\n2\n");
    const agent = await start(config);
    await receiver.waitFor((events) => events.length === 2);
    appendFileSync(path("x0.log"), "3\nhalf");
    await receiver.waitFor((events) => events.length === 3);
    await wait(50);
    look();
    renameSync(path("x0.log"), path("x0.log.1"));
    writeFileSync(path("x0.log"), "4\n");
    writeFileSync(path("x1.log"), "5\n");
    await receiver.waitFor((events) => events.filter(({ record }) => record.message !== "half").length === 5);
    await wait(4000);
    look();
    await agent.stop();
    look();
  }
  assert.deepEqual(contents[1], contents[0]);
});

/** fluentd sends lines as bytes at times: what it reads has no encoding. */
function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}

async function setUp(context: TestContext, more = "") {
  const folder = temporaryFolder();
  const receiver = new CollectingReceiver();
  await receiver.start();
  context.after(() => receiver.stop());
  const config = join(folder, "agent.conf");
  writeFileSync(
    config,
    `
<source>
  @type tail
  path ${folder}/x*.log
  pos_file ${folder}/pos
  tag t.*
  read_from_head true
  refresh_interval 1
  ${more}
  <parse>
    @type none
  </parse>
</source>
<match t.**>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${receiver.port}
  </server>
  <buffer tag>
    @type file
    path ${folder}/buffer
    flush_mode immediate
  </buffer>
</match>
`,
  );
  return { folder, receiver, config };
}
