/**
 * The ledgers of all inputs, kept over restarts in one small file, which is written in place about once a second and at
 * a stop. Each says where the events of its input went, and all together what outputs received.
 *
 * The file lies in `root_dir`, else beside the chunks of the first file buffer; without either the ledgers begin anew
 * with the process. A killed process or a lost machine may leave it older or newer than the buffers: what a buffer has
 * beyond it came from an input that nobody can name any more, and what it has not was never acknowledged.
 */

import { dirname, join } from "node:path";
import { chunkPathPattern } from "../buffer/chunk-path.ts";
import { nodeFileSystem } from "../buffer/file-system.ts";
import { readSavedText, SavedText } from "../buffer/saved-text.ts";
import type { CancelTimer, Clock } from "../clock.ts";
import type { SystemConfig } from "../config/system.ts";
import type { Counters } from "../counters.ts";
import { Ledger, type LedgerReport, underway } from "../event/ledger.ts";
import type { Logger } from "../logger.ts";

const VERSION = 1;
const SAVE_MS = 1000;
const NAME = "inputs.accounts";

/** Dropped behind the valve: the ledger has them as refused. */
const HANDED_OVER: ReadonlySet<string> = new Set(["emit_failed"]);

interface SavedLedger {
  readonly handedOver: number;
  readonly entries: Readonly<Record<string, number>>;
}

/** What the file says. */
export interface SavedInputs {
  readonly version: number;
  readonly inputs: Readonly<Record<string, SavedLedger>>;
}

export interface InputAccountsPlace {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fileMode: number;
  readonly folderMode: number;
  /** Undefined where nothing is kept. */
  readonly path: string | undefined;
  /** What each buffered output has received by now, by its id. */
  readonly received: ReadonlyMap<string, number>;
}

export class InputAccounts {
  readonly #inputs = new Map<string, { readonly ledger: Ledger; readonly counters: Set<Counters> }>();
  #path: string | undefined;
  #saved: SavedText | undefined;
  #cancelTimer: CancelTimer = () => {};

  /** The ledger of the input of this id, which counts what it drops itself; that of an earlier configuration goes on. */
  ledgerOf(id: string, counters?: Counters): Ledger {
    const known = this.#inputs.get(id) ?? { ledger: new Ledger(), counters: new Set() };
    this.#inputs.set(id, known);
    if (counters) known.counters.add(counters);
    return known.ledger;
  }

  /** Goes on from what an earlier process wrote. To be called when outputs have started and inputs have not. */
  start({ clock, logger, fileMode, folderMode, path, received }: InputAccountsPlace): void {
    if (path === this.#path) return;
    this.stop();
    if (path !== undefined && this.#path === undefined) this.#restore(path, received, logger);
    this.#path = path;
    if (path === undefined) return;
    makeFolder(dirname(path), folderMode, logger);
    const onError = () => {};
    this.#saved = new SavedText({ fileSystem: nodeFileSystem, fileMode, logger, path, onError });
    this.#save();
    this.#cancelTimer = clock.every(SAVE_MS, () => {
      this.#saved?.check();
      this.#save();
    });
  }

  /** Safe to call twice. */
  stop(): void {
    this.#cancelTimer();
    if (this.#saved) this.#save();
    this.#saved?.close();
    this.#saved = undefined;
  }

  /** Where the events of an input went. What it dropped before handing it over counts as received, too. */
  report(id: string): LedgerReport | undefined {
    const input = this.#inputs.get(id);
    if (!input) return undefined;
    const { handedOver, entries, underway: rest } = input.ledger.report();
    const all: Record<string, number> = { ...entries };
    let received = handedOver;
    for (const [reason, events] of [...input.counters].flatMap(dropsOf)) {
      all[`dropped/${reason}`] = (all[`dropped/${reason}`] ?? 0) + events;
      received += events;
    }
    return { handedOver: received, entries: all, underway: rest };
  }

  #restore(path: string, received: ReadonlyMap<string, number>, logger: Logger): void {
    const inputs = readInputs(path)?.inputs;
    if (!inputs && nodeFileSystem.status(path)) logger.warn("accounts cannot be read, and begin anew", { path });
    const saved = Object.entries(inputs ?? {});
    const entriesOf = new Map(saved.map(([id, { entries }]) => [id, { ...entries }]));
    const handedOver = new Map(saved.map(([id, ledger]) => [id, ledger.handedOver]));
    for (const [output, count] of received) {
      const entry = `taken/${output}`;
      let tooMany = [...entriesOf.values()].reduce((sum, entries) => sum + (entries[entry] ?? 0), 0) - count;
      for (const entries of entriesOf.values()) {
        const less = Math.min(Math.max(0, tooMany), entries[entry] ?? 0);
        if (less === 0) continue;
        entries[entry] = (entries[entry] ?? 0) - less;
        tooMany -= less;
      }
      const id = tooMany < 0 ? this.#onlyOneOf(output, entriesOf) : undefined;
      if (id === undefined) continue;
      const entries = entriesOf.get(id) ?? {};
      entriesOf.set(id, { ...entries, [entry]: (entries[entry] ?? 0) - tooMany });
      handedOver.set(id, (handedOver.get(id) ?? 0) - tooMany);
    }
    for (const [id, entries] of entriesOf) this.ledgerOf(id).restore(handedOver.get(id) ?? 0, entries);
  }

  /** The input from which an output got more than the ledgers say, where it can be no other. */
  #onlyOneOf(output: string, entriesOf: ReadonlyMap<string, Readonly<Record<string, number>>>): string | undefined {
    const feeding = [...entriesOf].filter(([, entries]) => (entries[`taken/${output}`] ?? 0) > 0);
    const [id, another] = feeding.length > 0 ? feeding.map(([name]) => name) : [...this.#inputs.keys()];
    return another === undefined ? id : undefined;
  }

  #save(): void {
    const inputs: Record<string, SavedLedger> = {};
    for (const id of this.#inputs.keys()) {
      const { handedOver, entries } = this.report(id) as LedgerReport;
      inputs[id] = { handedOver, entries };
    }
    this.#saved?.write(JSON.stringify({ version: VERSION, inputs } satisfies SavedInputs));
  }
}

function makeFolder(path: string, mode: number, logger: Logger): void {
  try {
    nodeFileSystem.makeDirectory(path, mode);
  } catch (error) {
    logger.warn("the accounts of inputs are not kept over restarts", { path, error });
  }
}

function dropsOf(counters: Counters): [reason: string, events: number][] {
  return [...counters.entries()].flatMap(({ name, reason, value }) =>
    name === "dropped_events" && !HANDED_OVER.has(reason) ? [[reason, value]] : [],
  );
}

/** Where the ledgers lie; `places` are those of file buffers. Undefined where nothing is kept. */
export function inputAccountsPath(
  { rootDir, workerId = 0 }: SystemConfig,
  places: readonly { readonly path: string; readonly pathSuffix: string }[],
): string | undefined {
  if (rootDir !== undefined) return join(rootDir, `worker${workerId}`, NAME);
  const [place] = places;
  if (!place) return undefined;
  const { prefix } = chunkPathPattern(place.path, place.pathSuffix, nodeFileSystem);
  return join(dirname(prefix), `.${NAME}`);
}

/** Undefined when there is no such file, or it is not as it was written. */
export function readInputs(path: string): SavedInputs | undefined {
  const saved = JSON.parse(readSavedText(nodeFileSystem, path) ?? "{}") as SavedInputs;
  return saved.version === VERSION ? saved : undefined;
}

/** Of a saved ledger, what no entry explains: 0 unless its process was killed. */
export function savedUnderway({ handedOver, entries }: SavedLedger): number {
  return underway(handedOver, entries);
}
