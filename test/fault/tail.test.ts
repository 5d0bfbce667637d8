/** Files that rotate under full speed, and an agent that is killed again and again: every line is taken once. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const writer = fileURLToPath(new URL("rotating-writer.js", import.meta.url));
const FILES = Number(process.env.SUIRO_TEST_TAIL_FILES ?? 20);
const LINES = Number(process.env.SUIRO_TEST_TAIL_LINES ?? 2_000);
const ROTATE_BYTES = Number(process.env.SUIRO_TEST_TAIL_ROTATE_BYTES ?? 100_000);

/** A receiver, and the lines that came so far. */
class Arrivals {
  readonly lines = new Set<string>();
  readonly receiver = new CollectingReceiver();
  #read = 0;

  static async start(context: TestContext): Promise<Arrivals> {
    const arrivals = new Arrivals();
    await arrivals.receiver.start();
    context.after(() => arrivals.receiver.stop());
    return arrivals;
  }

  until(count: number): Promise<void> {
    return this.receiver.waitFor((events) => {
      for (; this.#read < events.length; this.#read++) this.lines.add(lineOf(events[this.#read]?.record));
      return this.lines.size >= count;
    });
  }

  /** Lines that came in more than one chunk, or twice in one; a chunk whose ack was lost comes again as it is. */
  get repeated(): number {
    return this.receiver.distinctEvents.length - this.lines.size;
  }
}

/** A line without `encoding` comes as bytes. */
const lineOf = (record: Record<string, unknown> | undefined) =>
  Buffer.from(record?.message as Uint8Array).toString("latin1", 0, 16);

for (const [name, kills, match] of [
  ["no kill", 0, forward],
  ["four kills at random moments", 4, forward],
  ["four kills, two outputs and a filter that drops most lines", 4, twice],
] as const) {
  test(`files that rotate while they are written at full speed: ${name}`, async (context) => {
    const folder = temporaryFolder();
    const isCopied = match === twice;
    const all = [await Arrivals.start(context), ...(isCopied ? [await Arrivals.start(context)] : [])];
    const config = join(folder, "agent.conf");
    writeFileSync(
      config,
      source(folder) +
        match(
          folder,
          all.map(({ receiver }) => receiver.port),
        ),
    );
    for (let file = 0; file < FILES; file++) writeFileSync(join(folder, `c${file}.log`), "");
    let agent = await startSuiro(config);
    context.after(() => agent.stop("SIGKILL"));
    const child = spawn(process.execPath, [writer, folder, String(FILES), String(LINES), String(ROTATE_BYTES)]);
    const written = once(child, "close");
    const wanted = (FILES * LINES) / (isCopied ? 10 : 1);
    for (let kill = 0; kill < kills; kill++) {
      await all[kill % all.length]?.until(Math.floor((wanted * (kill + Math.random())) / kills));
      await agent.stop("SIGKILL");
      agent = await startSuiro(config);
    }
    await written;
    for (const arrivals of all) await arrivals.until(wanted);
    await agent.stop();
    assert.deepEqual(
      all.map(({ repeated }) => repeated),
      all.map(() => 0),
    );
    assert.doesNotMatch(agent.output, /before all of it was read/);
  });
}

test("a position that was not written before the kill is made up from the buffer's journal", async (context) => {
  const folder = temporaryFolder();
  const arrivals = await Arrivals.start(context);
  const config = join(folder, "agent.conf");
  const positions = join(folder, "pos");
  writeFileSync(config, source(folder) + forward(folder, [arrivals.receiver.port]));
  let written = 0;
  const write = () => {
    const first = written;
    written += 3_000;
    const lines = Array.from(
      { length: 3_000 },
      (_, n) => `${String(first + n).padStart(16, "0")} ${"x".repeat(100)}\n`,
    );
    for (const file of [0, 1])
      appendFileSync(join(folder, `c${file}.log`), lines.filter((_, n) => n % 2 === file).join(""));
  };
  let known: Buffer | undefined;
  for (let life = 0; life < 3; life++) {
    write();
    if (known) writeFileSync(positions, known);
    const agent = await startSuiro(config);
    context.after(() => agent.stop("SIGKILL"));
    await arrivals.until(written);
    known = readFileSync(positions);
    write();
    await arrivals.until(written);
    await agent.stop("SIGKILL");
  }
  assert.equal(arrivals.repeated, 0);
});

function source(folder: string): string {
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
`;
}

function forward(folder: string, [port]: readonly number[], name = "match t.**"): string {
  return `
<${name}>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${port}
  </server>
  <buffer>
    @type file
    path ${folder}/buffer-${port}
    flush_interval 1s
  </buffer>
</${name.split(" ")[0]}>
`;
}

/** Every tenth line, to two receivers. */
function twice(folder: string, [port = 0, otherPort = 0]: readonly number[]): string {
  return `
<filter t.**>
  @type grep
  <regexp>
    key message
    pattern /^\\d+-\\d+7 /
  </regexp>
</filter>
<match t.**>
  @type copy
  ${forward(folder, [port], "store")}
  ${forward(folder, [otherPort], "store")}
</match>
`;
}
