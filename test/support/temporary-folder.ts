import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];

// Not in `after` hooks: those run in the order of their registration, so that a folder would go while the processes
// that write into it, registered later, still run.
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
});

/** A new folder, which is removed when the test file has run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "suiro-test-"));
  folders.push(folder);
  return folder;
}
