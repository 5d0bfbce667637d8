/** Journals of systemd for tests, made by systemd's own systemd-journal-remote. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const REMOTE = "/lib/systemd/systemd-journal-remote";

/** Why there can be no journal here, or false. In CI there must be. */
export const withoutJournal: string | false = (() => {
  const missing = ["journalctl", REMOTE].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
  if (missing.length === 0) return false;
  if (process.env.CI) throw new Error(`the tests of the systemd source must run in CI: ${missing} is missing`);
  return `${missing} is not installed`;
})();

/** Fields of an entry, bytes where they are no line of text; `at`: microseconds since 1970. */
export interface EntryFields {
  readonly at: number;
  readonly fields: readonly (readonly [name: string, value: string | Buffer])[];
}

/** Adds a file `NAME.journal` with the entries to the journal in `folder`. */
export function writeJournal(folder: string, name: string, entries: readonly EntryFields[]): void {
  mkdirSync(folder, { recursive: true });
  const parts = entries.flatMap(({ at, fields }) => [
    Buffer.from(`__REALTIME_TIMESTAMP=${at}\n_BOOT_ID=${"0123456789abcdef".repeat(2)}\n`),
    ...fields.flatMap(fieldBytes),
    Buffer.from("\n"),
  ]);
  execFileSync(REMOTE, ["-o", join(folder, `${name}.journal`), "-"], { input: Buffer.concat(parts), stdio: "pipe" });
}

function fieldBytes([name, value]: readonly [name: string, value: string | Buffer]): Buffer[] {
  if (typeof value === "string") return [Buffer.from(`${name}=${value}\n`)];
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return [Buffer.from(`${name}\n`), length, value, Buffer.from("\n")];
}
