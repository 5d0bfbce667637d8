/**
 * The systemd source over a real journal and the real journalctl. What is expected is what fluent-plugin-systemd 1.1.2
 * gives for the same journals.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readSectionOrThrow } from "../../src/config/parameters.ts";
import { systemdInput } from "../../src/input/systemd.ts";
import { eventually } from "../support/eventually.ts";
import { type EntryFields, withoutJournal, writeJournal } from "../support/journal.ts";
import { parsedElement } from "../support/parsed-config.ts";
import { pluginContext } from "../support/plugin-context.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const options = { skip: withoutJournal, timeout: 60_000 };
const AT = 1_700_000_000_000_000;
const BOOT = "0123456789abcdef".repeat(2);

const ENTRIES: readonly EntryFields[] = [
  {
    at: AT + 123_456,
    fields: [["_SYSTEMD_UNIT", "docker.service"], ["_PID", "12"], ["PRIORITY", "6"], ["MESSAGE", "first"]],
  },
  {
    at: AT + 1_000_000,
    fields: [["_SYSTEMD_UNIT", "kubelet.service"], ["TAG", "a"], ["TAG", "b"], ["MESSAGE", "second é"], ["PID", "7"]],
  },
  {
    at: AT + 2_000_000,
    fields: [["_SYSTEMD_UNIT", "docker.service"], ["_PID", "13"], ["MESSAGE", Buffer.from("two\nlines \xff", "latin1")]],
  },
]; // biome-ignore format: one entry a line

class Source {
  readonly folder = temporaryFolder();
  readonly journal = join(this.folder, "journal");
  readonly context: ReturnType<typeof pluginContext>;
  readonly #input: ReturnType<typeof systemdInput.create>;

  constructor(test: TestContext, text: string, earlier?: Source) {
    if (earlier) this.folder = earlier.folder;
    this.journal = join(this.folder, "journal");
    const content = text.replaceAll("__DIR__", this.folder);
    const element = parsedElement(`<source>\n@type systemd\ntag s\npath ${this.journal}\n${content}\n</source>`);
    this.context = pluginContext(element);
    this.#input = systemdInput.create(readSectionOrThrow(systemdInput.table, element), this.context);
    test.after(() => this.stop());
  }

  get events(): string[] {
    return this.context.emitter.events;
  }

  async start(): Promise<void> {
    await this.#input.start();
  }

  async stop(): Promise<void> {
    await this.#input.stop(AbortSignal.timeout(20_000));
  }

  /** Resolves when so many events have come. */
  async until(count: number): Promise<void> {
    await this.context.emitter.waitFor(() => this.events.length >= count);
    assert.equal(this.events.length, count);
  }
}

const STORAGE = "<storage>\n@type local\npersistent true\npath __DIR__/cursor.json\n</storage>";

test("entries come with their time and all their fields, in order", options, async (context) => {
  const source = new Source(context, "read_from_head true");
  writeJournal(source.journal, "one", ENTRIES);
  await source.start();
  await source.until(3);
  assert.deepEqual(source.events.slice(0, 2), [
    `s 1700000000.123456000 {"_BOOT_ID":"${BOOT}","_SYSTEMD_UNIT":"docker.service","_PID":"12","PRIORITY":"6","MESSAGE":"first"}`,
    `s 1700000001.000000000 {"_BOOT_ID":"${BOOT}","_SYSTEMD_UNIT":"kubelet.service","TAG":"b","MESSAGE":"second é","PID":"7"}`,
  ]);
  const bytes = source.context.emitter.entries[2] as string;
  assert.ok(bytes.includes(Buffer.from("two\nlines \xff", "latin1").toString("hex")), "bytes stay as they are");
});

test("without read_from_head the newest entry is the first", options, async (context) => {
  const source = new Source(context, "");
  writeJournal(source.journal, "one", ENTRIES.slice(0, 2));
  await source.start();
  await source.until(1);
  assert.match(source.events[0] as string, /second é/);
  writeJournal(source.journal, "two", ENTRIES.slice(2));
  await source.until(2);
});

test("matches: one of the objects, all of its fields, one of a field's values", options, async (context) => {
  const table: [matches: string, found: string[]][] = [
    ['[{"_SYSTEMD_UNIT": "docker.service"}]', ["12", "13"]],
    ['[{"_SYSTEMD_UNIT": "docker.service", "_PID": "13"}]', ["13"]],
    ['[{"_SYSTEMD_UNIT": "docker.service", "_PID": ["12", "13"]}]', ["12", "13"]],
    ['[{"_pid": 12}, {"PRIORITY": "6"}]', ["12"]],
  ];
  for (const [matches, found] of table) {
    const source = new Source(context, `read_from_head true\nmatches ${matches}`);
    writeJournal(source.journal, "one", ENTRIES);
    await source.start();
    await source.until(found.length);
    assert.deepEqual(source.context.emitter.records.map((record) => record._PID), found);
    await source.stop();
  }
}); // biome-ignore format: a table

test("<entry> gives fields other names", options, async (context) => {
  const entry = `<entry>
    field_map {"MESSAGE": "log", "_PID": ["process", "pid"], "_SYSTEMD_UNIT": "process"}
    fields_strip_underscores true
    fields_lowercase true
  </entry>`;
  const source = new Source(context, `read_from_head true\n${entry}`);
  writeJournal(source.journal, "one", ENTRIES.slice(0, 2));
  await source.start();
  await source.until(2);
  assert.deepEqual(source.context.emitter.records, [
    { log: "first", process: "12 docker.service", pid: "12", boot_id: BOOT, priority: "6" },
    { log: "second é", process: "kubelet.service", boot_id: BOOT, tag: "b" },
  ]);
});

test("the cursor moves when outputs hold the entries, and reading goes on behind it", options, async (context) => {
  const first = new Source(context, `read_from_head true\n${STORAGE}`);
  const storage = join(first.folder, "cursor.json");
  writeJournal(first.journal, "one", ENTRIES.slice(0, 1));
  first.context.emitter.hold = true;
  await first.start();
  await first.until(1);
  assert.equal(existsSync(storage), false);
  first.context.emitter.hold = false;
  for (const held of first.context.emitter.held) held.resolve();
  await eventually(() => existsSync(storage));
  await first.stop();
  const all = spawnSync("journalctl", ["-D", first.journal, "-o", "export"], { encoding: "utf8" }).stdout;
  const cursor = /^__CURSOR=(.*)$/m.exec(all)?.[1];
  assert.equal(readFileSync(storage, "utf8"), JSON.stringify({ journal: cursor }));
  writeJournal(first.journal, "two", ENTRIES.slice(1));
  const second = new Source(context, STORAGE, first);
  await second.start();
  await second.until(2);
  assert.match(second.events[0] as string, /second é/);
});

test("entries that are refused come again", options, async (context) => {
  const source = new Source(context, `read_from_head true\n${STORAGE}`);
  writeJournal(source.journal, "one", ENTRIES.slice(0, 1));
  source.context.emitter.error = new Error("full");
  await source.start();
  const { logger, clock } = source.context;
  await eventually(() => logger.messages("warn").some((message) => message.startsWith("entries are refused")));
  assert.equal(existsSync(join(source.folder, "cursor.json")), false);
  source.context.emitter.error = undefined;
  clock.advance(1000);
  await source.until(1);
});

test("a cursor that is none, and a journal that comes later, are told and overcome", options, async (context) => {
  const source = new Source(context, `read_from_head true\n${STORAGE}`);
  writeFileSync(join(source.folder, "cursor.json"), '{"journal":"nonsense","other":1}');
  await source.start();
  const { logger, clock } = source.context;
  await eventually(() => logger.messages("warn").some((message) => message.startsWith("journalctl ended")));
  writeJournal(source.journal, "one", ENTRIES.slice(0, 1));
  clock.advance(1000);
  await source.until(1);
  assert.ok(logger.messages("warn").some((message) => message.startsWith("Could not seek to the cursor")));
  await eventually(() => readFileSync(join(source.folder, "cursor.json"), "utf8").includes("s="));
  assert.match(readFileSync(join(source.folder, "cursor.json"), "utf8"), /"other":1/);
});

test("without journalctl the source says what to install", async (context) => {
  const path = process.env.PATH;
  context.after(() => {
    process.env.PATH = path;
  });
  const source = new Source(context, "");
  process.env.PATH = source.folder;
  await source.start();
  const { logger } = source.context;
  const told = () => logger.lines.find(({ fields }) => String(fields?.error).includes("needs the program journalctl"));
  await eventually(() => told() !== undefined);
});
