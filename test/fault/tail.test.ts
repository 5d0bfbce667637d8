/** Files that rotate under full speed, and an agent that is killed again and again: every line arrives. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const writer = fileURLToPath(new URL("rotating-writer.js", import.meta.url));
const FILES = Number(process.env.SUIRO_TEST_TAIL_FILES ?? 20);
const LINES = Number(process.env.SUIRO_TEST_TAIL_LINES ?? 2_000);
const ROTATE_BYTES = Number(process.env.SUIRO_TEST_TAIL_ROTATE_BYTES ?? 100_000);

for (const kills of [0, 3]) {
  test(`files that rotate while they are written at full speed; ${kills} kills`, async (context) => {
    const folder = temporaryFolder();
    const receiver = new CollectingReceiver();
    await receiver.start();
    context.after(() => receiver.stop());
    const config = join(folder, "agent.conf");
    writeFileSync(config, agentConfig(folder, receiver.port));
    for (let file = 0; file < FILES; file++) writeFileSync(join(folder, `c${file}.log`), "");
    let agent = await startSuiro(config);
    context.after(() => agent.stop("SIGKILL"));
    const child = spawn(process.execPath, [writer, folder, String(FILES), String(LINES), String(ROTATE_BYTES)]);
    const written = once(child, "close");
    const wanted = FILES * LINES;
    const arrived = new Set<string>();
    let read = 0;
    const until = (count: number) =>
      receiver.waitFor((events) => {
        for (; read < events.length; read++) arrived.add(String(events[read]?.record.message).slice(0, 16));
        return arrived.size >= count;
      });
    for (let kill = 1; kill <= kills; kill++) {
      await until((wanted * kill) / (kills + 1));
      await agent.stop("SIGKILL");
      agent = await startSuiro(config);
    }
    await written;
    await until(wanted);
    await agent.stop();
    const repeated = receiver.events.length - arrived.size;
    context.diagnostic(`${arrived.size} lines, ${repeated} more than once`);
    if (kills === 0) assert.equal(repeated, 0);
    assert.doesNotMatch(agent.output, /before all of it was read/);
  });
}

function agentConfig(folder: string, port: number): string {
  return `
<source>
  @type tail
  path ${folder}/*.log
  pos_file ${folder}/pos
  tag t.*
  read_from_head true
  refresh_interval 1
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
    port ${port}
  </server>
  <buffer>
    @type file
    path ${folder}/buffer
    flush_interval 1s
  </buffer>
</match>
`;
}
