/**
 * A process that takes the lock of a buffer folder, says so, and holds it until it is killed or told to let go.
 *   node lock-holder.js FOLDER PATIENCE_MS
 */
import { join } from "node:path";
import { FolderLock } from "../../src/buffer/folder-lock.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/logger.ts";

const [folder = "", patience = "0"] = process.argv.slice(2);
setInterval(() => {}, 2 ** 30);
try {
  const lock = await FolderLock.take(join(folder, "buffer"), {
    clock: systemClock,
    logger: silentLogger,
    patienceMs: Number(patience),
  });
  process.once("SIGTERM", () => {
    lock.release();
    process.exit(0);
  });
  console.log("held");
} catch (error) {
  console.log(`refused: ${(error as Error).message}`);
  process.exit(1);
}
