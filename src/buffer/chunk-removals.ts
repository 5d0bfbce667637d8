/** Removes the files of chunks that have left the buffer; what the disk does not let go is tried again. */

import { BufferIoError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BufferJournal } from "./buffer-journal.ts";
import type { ChunkFile } from "./chunk-file.ts";
import type { DiskHealth } from "./disk-health.ts";

export class ChunkRemovals {
  readonly #journal: BufferJournal;
  readonly #disk: DiskHealth;
  readonly #logger: Logger;
  readonly #before: (isSynced: boolean) => Promise<void> | void;
  readonly #underWay = new Set<Promise<void>>();
  readonly #failed = new Set<ChunkFile>();
  /** Ids of the chunks whose files may be there still. */
  readonly #ids = new Map<ChunkFile, string>();

  /** `before` is waited for before files go; `isSynced` asks that what it says is safe from a power loss. */
  constructor(
    journal: BufferJournal,
    disk: DiskHealth,
    logger: Logger,
    before: (isSynced: boolean) => Promise<void> | void,
  ) {
    this.#journal = journal;
    this.#disk = disk;
    this.#logger = logger;
    this.#before = before;
  }

  get ids(): Iterable<string> {
    return this.#ids.values();
  }

  /** `id` is that of the chunk. Never rejects. */
  begin(file: ChunkFile, id: string): void {
    this.#ids.set(file, id);
    const removal = this.#remove(file)
      .catch((error) => this.#keep(file, error))
      .finally(() => this.#underWay.delete(removal));
    this.#underWay.add(removal);
  }

  /** Tries again what failed, one after the other as long as it goes well. */
  retry(): void {
    const [file] = this.#failed;
    if (!file || this.#underWay.size > 0) return;
    const removal = this.#remove(file)
      .then(
        () => this.#failed.delete(file),
        () => false,
      )
      .then((isGone) => {
        this.#underWay.delete(removal);
        if (isGone) this.retry();
      });
    this.#underWay.add(removal);
  }

  /** Resolves when the files of all that left are gone, or the disk has refused. */
  async done(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** The journal knows before that it is gone: a file that is missing for no reason means that the power went. */
  async #remove(file: ChunkFile): Promise<void> {
    await this.#journal.whenKnown().catch((error) => this.#disk.count(error));
    await this.#before(this.#journal.isSyncing);
    const { isSuspended, standing = "in place" } = this.#journal;
    if (isSuspended || standing === "elsewhere") throw new BufferIoError("the buffer folder is away"); // With the file, which may come back.
    await file.remove();
    this.#ids.delete(file);
  }

  #keep(file: ChunkFile, error: unknown): void {
    this.#disk.count(error);
    if (this.#failed.size === 0) this.#logger.error("failed to purge buffer chunk", { path: file.path, error });
    this.#failed.add(file);
  }
}
