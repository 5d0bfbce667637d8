/**
 * Says whether the disk under a folder answers: a byte is written, synced and removed. An error is an answer, too: a
 * full disk does not get better by a restart of the process; one that never answers holds up every write behind it.
 */

import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "../clock.ts";

/** Whoever asks more often gets the last answer, so that no probe can wear the disk out. */
const FRESH_MS = 5000;

/** A disk that takes longer does not answer. Far above what a busy one needs. */
const PATIENCE_MS = 3000;

export class DiskProbe {
  readonly #clock: Clock;
  readonly #touch: (folder: string) => Promise<void>;
  readonly #answeredAt = new Map<string, number>();
  /** At most one under way for each folder: one that hangs keeps a thread of the pool. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(clock: Clock, touch = touchFolder) {
    this.#clock = clock;
    this.#touch = touch;
  }

  /** False when the disk under the folder has not answered in time. */
  async answers(folder: string): Promise<boolean> {
    const last = this.#answeredAt.get(folder);
    if (last !== undefined && this.#clock.monotonic() - last < FRESH_MS) return true;
    const probe = this.#underWay.get(folder) ?? this.#start(folder);
    const patience = new AbortController();
    const isAnswered = await Promise.race([
      probe.then(() => true),
      sleep(this.#clock, PATIENCE_MS, patience.signal).then(() => false),
    ]);
    patience.abort();
    return isAnswered;
  }

  #start(folder: string): Promise<void> {
    const probe = this.#touch(folder)
      .catch(() => {})
      .finally(() => {
        this.#underWay.delete(folder);
        this.#answeredAt.set(folder, this.#clock.monotonic());
      });
    this.#underWay.set(folder, probe);
    return probe;
  }
}

async function touchFolder(folder: string): Promise<void> {
  const path = join(folder, `.suiro-health.${process.pid}`);
  const file = await open(path, "w", 0o600);
  try {
    await file.write("\n");
    await file.datasync();
  } finally {
    await file.close();
    await unlink(path);
  }
}
