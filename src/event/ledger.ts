/**
 * Where the events of one input went. Everybody on their way books into it, a number for each batch:
 *
 * handed over + added = taken + filtered + unmatched + dropped + repeated + refused + on their way
 *
 * | entry           | booked by  | events                                                                           |
 * |-----------------|------------|----------------------------------------------------------------------------------|
 * | `taken/<id>`    | an output  | that a buffer took, or that an output without one has                            |
 * | `repeated/<id>` | an output  | that came again, and its buffer held already                                     |
 * | `filtered/<id>` | the router | that a filter let go, or keeps to send them on later; below 0 where it made more |
 * | `unmatched`     | the router | that no `<match>` wants                                                          |
 * | `dropped/<why>` | an output  | that it gave up on the way                                                       |
 * | `refused`       | the valve  | whose sender was told that they were not taken, and keeps them                   |
 * | `copied`        | added      | that were given to a further `<store>`                                           |
 * | `untold`        | added      | that were taken, and whose sender was told all the same that they were not       |
 */

const ADDED: ReadonlySet<string> = new Set(["copied", "untold"]);

/** A ledger at one moment. */
export interface LedgerReport {
  readonly handedOver: number;
  readonly entries: Readonly<Record<string, number>>;
  /** On their way; 0 when nothing is. */
  readonly underway: number;
}

export class Ledger {
  #handedOver = 0;
  readonly #entries = new Map<string, number>();

  /** The input hands these over. */
  handOver(events: number): void {
    this.#handedOver += events;
  }

  book(entry: string, events: number): void {
    if (events !== 0) this.#entries.set(entry, (this.#entries.get(entry) ?? 0) + events);
  }

  get(entry: string): number {
    return this.#entries.get(entry) ?? 0;
  }

  report(): LedgerReport {
    const entries = Object.fromEntries(this.#entries);
    return { handedOver: this.#handedOver, entries, underway: underway(this.#handedOver, entries) };
  }

  /** Goes on from what an earlier process wrote: what was on its way then is refused, for nobody was told otherwise. */
  restore(handedOver: number, entries: Readonly<Record<string, number>>): void {
    this.#handedOver += handedOver;
    for (const [entry, events] of Object.entries(entries)) this.book(entry, events);
    this.book("refused", underway(handedOver, entries));
  }
}

/** What no entry explains. */
export function underway(handedOver: number, entries: Readonly<Record<string, number>>): number {
  return Object.entries(entries).reduce(
    (rest, [entry, events]) => rest + (ADDED.has(entry) ? events : -events),
    handedOver,
  );
}
