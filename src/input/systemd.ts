/**
 * `@type systemd`: entries of systemd's journal, read through the program journalctl, which must be installed. The
 * cursor moves when outputs hold the entries, and never before. Source: fluent-plugin-systemd 1.1.2.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type CancelTimer, sleep } from "../clock.ts";
import { array, bool, string } from "../config/literals.ts";
import { type ConfigOf, section, withDefaults } from "../config/parameters.ts";
import { errorMessage } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { EventStream } from "../event/event-stream.ts";
import { JournalFields, journalFieldTable } from "../event/journal-fields.ts";
import { textStart } from "../event/record-fields.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { CursorStorage, storageTable } from "./systemd/cursor-storage.ts";
import { ExportReader, type JournalEntry } from "./systemd/export-reader.ts";
import { matchArguments } from "./systemd/match-arguments.ts";

/** Before journalctl is started again, or a refused batch is handed over again. */
const RETRY_MS = 1000;

const table = section(
  {
    path: string.default("Folder of the journal; also /run/log/journal, or a single file.", "/var/log/journal"),
    matches: array.optional('Which entries: [{"_SYSTEMD_UNIT": "a.service"}, …], one of which must match.'),
    filters: array.default("Older name of matches.", [], { deprecated: "filters has been renamed as matches" }),
    read_from_head: bool.default("Without a cursor: from the oldest entry on, not from the newest.", false),
    tag: string.required("Tag of the events."),
  },
  { storage: withDefaults(storageTable), entry: withDefaults(journalFieldTable) },
);

type SystemdConfig = ConfigOf<typeof table>;

export const systemdInput: InputDefinition<SystemdConfig> = {
  kind: "input",
  type: "systemd",
  table,
  create: (config, context) => new SystemdInput(config, context),
};

class SystemdInput implements Input {
  readonly #config: SystemdConfig;
  readonly #context: PluginContext;
  readonly #matches: readonly string[];
  readonly #fields: JournalFields;
  readonly #storage: CursorStorage;
  readonly #warnings: RareWarnings;
  #cancelSaving: CancelTimer = () => {};
  #child: ChildProcess | undefined;
  #run: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  /** Throws ConfigError. */
  constructor(config: SystemdConfig, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    const { element } = config;
    const position = (element.parameter("matches") ?? element.parameter("filters") ?? element).position;
    this.#matches = matchArguments(config.matches ?? config.filters, position);
    this.#fields = new JournalFields(config.entry, (value) => value.subarray(textStart(value, 0)), packedText);
    const { system, id, hasGivenId } = context;
    const ownFolder = system.rootDir && hasGivenId ? join(system.rootDir, "worker0", id) : undefined;
    this.#storage = new CursorStorage(config.storage, ownFolder);
  }

  async start(): Promise<void> {
    const { logger, clock } = this.#context;
    if (this.#storage.path === undefined) {
      logger.warn("both of Plugin @id and path for <storage> are not specified. Using on-memory store.");
    }
    this.#storage.load();
    const { autosave, autosaveInterval } = this.#config.storage;
    if (autosave) this.#cancelSaving = clock.every(autosaveInterval * 1000, () => this.#save());
    this.#run = this.#follow();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#cancelSaving();
    this.#child?.kill("SIGTERM");
    const kill = () => this.#child?.kill("SIGKILL");
    deadline.addEventListener("abort", kill, { once: true });
    await this.#run;
    deadline.removeEventListener("abort", kill);
    if (this.#config.storage.saveAtShutdown) this.#save();
  }

  /** Runs journalctl again and again: it ends when the journal is not there, or by somebody's hand. */
  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    const { path, readFromHead } = this.#config;
    let uselessCursor: string | undefined;
    while (!signal.aborted) {
      const cursor = this.#storage.cursor === uselessCursor ? undefined : this.#storage.cursor;
      const complaint = await this.#runOnce(cursor);
      if (signal.aborted) return;
      if (cursor !== undefined && /seek to cursor/.test(complaint)) {
        uselessCursor = cursor;
        const message = `Could not seek to the cursor, falling back to reading from ${readFromHead ? "head" : "tail"}`;
        this.#context.logger.warn(message, { path: this.#storage.path, error: complaint });
        continue;
      }
      this.#warnings.warn("journalctl ended, and is started again", { path, error: complaint });
      await sleep(this.#context.clock, RETRY_MS, signal);
    }
  }

  /** Resolves when journalctl has ended, with what it said. Never rejects. */
  async #runOnce(cursor: string | undefined): Promise<string> {
    const child = spawn("journalctl", this.#arguments(cursor), { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-1024);
    });
    const ended = new Promise<void>((resolve) => {
      child.on("close", () => resolve());
      child.on("error", (error) => {
        complaint =
          (error as NodeJS.ErrnoException).code === "ENOENT"
            ? "the source systemd needs the program journalctl (Debian's package systemd), which is not there: install it, or take the source out (FLUENTD_SYSTEMD_CONF=disable)"
            : errorMessage(error);
        resolve();
      });
    });
    try {
      await this.#read(child);
    } catch (error) {
      complaint ||= errorMessage(error);
      child.kill("SIGKILL");
    }
    await ended;
    this.#child = undefined;
    return complaint.trim() || `exit code ${child.exitCode ?? child.signalCode}`;
  }

  #arguments(cursor: string | undefined): string[] {
    const { path, readFromHead } = this.#config;
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
    const from = cursor !== undefined ? [`--after-cursor=${cursor}`] : [];
    const lines = cursor === undefined && !readFromHead ? "--lines=1" : "--no-tail";
    const form = ["--output=export", "--follow", "--no-pager", "--quiet", lines];
    return [isFile ? `--file=${path}` : `--directory=${path}`, ...form, ...from, ...this.#matches];
  }

  async #read(child: ChildProcess): Promise<void> {
    const { counters } = this.#context;
    const reader = new ExportReader((byteSize) => {
      counters.add("lost_bytes", byteSize, "long_field");
      this.#warnings.warn("a field of a journal entry is too long and is left out", { path: this.#config.path });
    });
    for await (const bytes of child.stdout as NonNullable<ChildProcess["stdout"]>) {
      counters.add("received_bytes", (bytes as Buffer).length);
      const entries = reader.push(bytes as Buffer);
      if (entries.length > 0) await this.#emit(entries);
      if (this.#stopping.signal.aborted) return;
    }
  }

  /** Hands the entries over until outputs hold them; journalctl waits meanwhile. */
  async #emit(entries: readonly JournalEntry[]): Promise<void> {
    const { emitter, counters, clock } = this.#context;
    const { tag } = this.#config;
    counters.add("received_events", entries.length);
    for (;;) {
      try {
        await emitter.emit(tag, this.#eventsOf(entries));
        break;
      } catch (error) {
        this.#warnings.warn("entries are refused and will be handed over again", { tag, error: errorMessage(error) });
        await sleep(clock, RETRY_MS, this.#stopping.signal);
        // They stay in the journal, behind the cursor.
        if (this.#stopping.signal.aborted) return;
      }
    }
    counters.add("emitted_events", entries.length);
    this.#storage.cursor = (entries.at(-1) as JournalEntry).cursor;
    if (this.#config.storage.persistent) this.#save();
  }

  #eventsOf(entries: readonly JournalEntry[]): EventStream {
    const writer = new ByteWriter();
    for (const { realtime, fields } of entries) {
      const packed = new Map([...fields].map(([name, value]) => [name, packedText(value)]));
      const record = this.#fields.run(packed, (name) => packed.get(name) ?? packed.get(name.toUpperCase()));
      const seconds = Math.floor(realtime / 1e6);
      writer.byte(0x92);
      writer.eventTime(seconds, (realtime - seconds * 1e6) * 1000);
      writer.mapHeader(record.size);
      for (const [name, value] of record) {
        writer.copy(packedText(Buffer.from(name)));
        writer.copy(value);
      }
    }
    return new EventStream(writer.take(), entries.length);
  }

  #save(): void {
    try {
      this.#storage.save();
    } catch (error) {
      this.#context.counters.add("disk_errors", 1, "storage");
      this.#warnings.warn("cannot write the storage", { path: this.#storage.path, error: errorMessage(error) });
    }
  }
}

function packedText(text: Buffer): Buffer {
  const writer = new ByteWriter(text.length + 5);
  writer.stringHeader(text.length);
  writer.copy(text);
  return writer.take();
}
