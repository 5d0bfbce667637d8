/** What is expected is what fluent-plugin-systemd 1.1.2 gives. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../src/event/msgpack.ts";
import { startPlugin } from "../../support/run-plugin.ts";

const ENTRY = {
  _PID: "12",
  PID: "7",
  _SYSTEMD_UNIT: "docker.service",
  PRIORITY: 6,
  MESSAGE: "first",
  NIL: null,
  _COMM: "c",
};

async function renamed(config: string, record: Record<string, unknown> = ENTRY): Promise<unknown> {
  const plugin = await startPlugin({ kind: "filter", type: "systemd_entry", config });
  await plugin.give("t", Buffer.concat([Buffer.from([0x92]), encode(5), encode(record)]));
  await plugin.stop();
  return plugin.result.events;
}

const shown = async (record: Record<string, unknown>) => renamed("", record);

test("without options a record stays as it is", async () => {
  assert.deepEqual(await renamed(""), await shown(ENTRY));
});

test("mapped fields come first, joined with blanks; a name that another contains gets its field, too", async () => {
  assert.deepEqual(
    await renamed('field_map {"PRIORITY": "PIDS", "_PID": "ID", "NONE": "x"}'),
    await shown({
      PIDS: 6,
      ID: "6 12",
      PID: "7",
      _SYSTEMD_UNIT: "docker.service",
      MESSAGE: "first",
      NIL: "",
      _COMM: "c",
    }),
  );
});

test("field_map_strict leaves the others out", async () => {
  assert.deepEqual(
    await renamed(
      'field_map {"MESSAGE": "log", "_PID": ["process", "pid"], "_COMM": "process"}\nfield_map_strict true',
    ),
    await shown({ log: "first", process: "12 c", pid: "12" }),
  );
});

test("a program cannot take the name of a trusted field that loses its underscore", async () => {
  assert.deepEqual(
    await renamed("fields_strip_underscores true\nfields_lowercase true"),
    await shown({ pid: "12", systemd_unit: "docker.service", priority: 6, message: "first", nil: "", comm: "c" }),
  );
});
