/**
 * Messages that are not whole yet, over all connections of an input. Each connection alone may hold a whole frame, so
 * their sum has a limit of its own: beyond it the message that began first, and so comes slowest, gives way.
 */

/** A connection, as this class sees it. */
export interface Collecting {
  /** Ends the connection: its unfinished message is thrown away. */
  giveWay(): void;
}

export class PendingMessages {
  readonly #limitBytes: number;
  /** In the order in which the messages began. */
  readonly #bytes = new Map<Collecting, number>();
  #total = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes over all connections. */
  get total(): number {
    return this.#total;
  }

  /** `connection` holds `bytes` of a message; `isNew` when it is another message than before. 0 when it holds none. */
  set(connection: Collecting, bytes: number, isNew: boolean): void {
    const before = this.#bytes.get(connection) ?? 0;
    if (before === 0 && bytes === 0) return;
    if (isNew || bytes === 0) this.#bytes.delete(connection);
    if (bytes > 0) this.#bytes.set(connection, bytes);
    this.#total += bytes - before;
    for (const [oldest] of this.#bytes) {
      if (this.#total <= this.#limitBytes) break;
      this.set(oldest, 0, true);
      oldest.giveWay();
    }
  }
}
