/**
 * The contracts between the pipeline and its plugins. Inputs, filters and outputs know these, and never each other.
 *
 * Lifecycle: `create` reads configuration and touches nothing outside the process; `start` opens files and sockets and
 * may fail; after a successful start a plugin never ends the process. `stop` is safe twice.
 */

import type { BufferStats } from "./buffer/buffer-stats.ts";
import type { Chunk } from "./buffer/chunk.ts";
import type { Holdings } from "./buffer/holdings.ts";
import type { Clock } from "./clock.ts";
import type { ConfigElement } from "./config/element.ts";
import type { SectionTable } from "./config/parameters.ts";
import type { SystemConfig } from "./config/system.ts";
import type { Counters } from "./counters.ts";
import type { EventStream } from "./event/event-stream.ts";
import type { LedgerReport } from "./event/ledger.ts";
import type { Origin } from "./event/origin.ts";
import type { Logger } from "./logger.ts";

/**
 * Takes events. The promise resolves when every matched output holds them, and is the only back-channel: acks and tail
 * positions wait for it, back-pressure is its delay. It rejects when any output refused; then nothing may be acked.
 * `origin` says where the events came from and how safe they must be by then; without it they are written. Whoever
 * passes events on passes it on with them: as it is, in parts, or detached.
 */
export interface Emitter {
  emit(tag: string, events: EventStream, origin?: Origin): Promise<void>;
}

export interface Lifecycle {
  start(): Promise<void>;
  /** Ends the work in hand until `deadline` aborts, then lets go. Loses nothing that was acked. */
  stop(deadline: AbortSignal): Promise<void>;
  /** What the plugin tells of its state when somebody asks: a scrape, a health check, `suiro top`. */
  report?(): PluginReport;
}

/** The state of a plugin at one moment. Made when it is asked for, so that nothing is kept up on the data path. */
export interface PluginReport {
  readonly buffer?: BufferReport;
  readonly account?: AccountReport;
  /** Of an input: where its events went. */
  readonly flow?: LedgerReport;
  readonly nodes?: readonly NodeReport[];
  readonly files?: readonly FileReport[];
  /** Folders that the plugin writes to and must have. */
  readonly folders?: readonly string[];
}

/** Events of an output since its buffer's folder was first used: received = delivered + held + dropped. */
export interface AccountReport {
  readonly received: number;
  readonly delivered: number;
  readonly held: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface BufferReport extends BufferStats {
  /** Chunks sent whose ack is awaited. */
  readonly awaitingAck: number;
  readonly retry: { readonly startMs: number; readonly steps: number; readonly nextTimeMs: number } | undefined;
  /** Wall time at which the destination took a chunk; undefined when it has taken none. */
  readonly lastDeliveryMs: number | undefined;
}

/** A receiver of an output. */
export interface NodeReport {
  /** `host:port`, or the name that the configuration gives. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly isAvailable: boolean;
  readonly standby: boolean;
  readonly weight: number;
  /** Seconds since the receiver acknowledged a chunk; undefined when it has acknowledged none. */
  readonly lastAckAgeSeconds: number | undefined;
}

/** A file that is followed. */
export interface FileReport {
  readonly path: string;
  readonly inode: bigint;
  /** Bytes that are handed over. */
  readonly position: number;
  /** Bytes that are there. */
  readonly byteSize: number;
  /** Since the first byte that is not handed over was seen; 0 at the end. Undefined where it is not kept. */
  readonly lagSeconds?: number;
}

export interface Input extends Lifecycle {
  /** Where it listens, for start messages and tests: `127.0.0.1:24224`. */
  readonly address?: { readonly host: string; readonly port: number } | undefined;
}

export interface Filter extends Lifecycle {
  /**
   * Gives the events that go on; an empty stream when none do. `keepsFailed`: an event that the filter fails at goes on as
   * far as it came, and to @ERROR, too. Without it it goes to @ERROR only.
   */
  filter(tag: string, events: EventStream, keepsFailed?: boolean): EventStream | Promise<EventStream>;
  /**
   * In fluentd the filter has no `filter_stream`. Where all filters of a route are such, fluentd takes each event through
   * all of them at once, and one that fails does not stop there. Source: fluentd 1.18 event_router.rb FilterOptimizer.
   */
  readonly isPerEvent?: boolean;
  /** Events may stay with the filter until later ones come: what goes on is not all of the batch that came in. */
  readonly keepsEvents?: boolean;
}

export interface Output extends Emitter, Lifecycle {
  /** What is not delivered at a stop waits on disk for the next output with the same buffer: a reload need not wait. */
  readonly keepsUndelivered?: boolean;
  /** Sends what is buffered now. For SIGUSR1 and the control interface; outputs without a buffer leave it out. */
  flush?(): Promise<void>;
}

/** One delivery of a chunk, seen by the writer. */
export interface Delivery {
  /** To be called once every byte is written and only the ack of this receiver is awaited: frees the flush slot. */
  sent(receiver?: Receiver): void;
  /** Aborts when the agent will not wait any longer. */
  readonly signal: AbortSignal;
  /** It is to share a connection with no other chunk, and its failure says nothing about the receiver. */
  readonly isAlone: boolean;
  /** This receiver got bytes of the chunk, and then broke the connection, answered wrongly, or did not answer. */
  refused(receiver: Receiver): void;
  /** This receiver has the chunk; `isAcked` says that it told so. */
  accepted(receiver: Receiver, isAcked: boolean): void;
}

/** One destination of several; the same object at each delivery. */
export interface Receiver {
  readonly name: string;
}

/** The part of a buffered output that knows the destination. The buffer around it is the same for all. */
export interface ChunkWriter extends Lifecycle {
  /** Bytes to store for these events; without it `events.packed`, msgpack entries. */
  format?(tag: string, events: EventStream): Buffer;
  /**
   * Delivers a chunk; resolves when the destination has it for good. A rejection is retried unless `isRetryable` says
   * no; an AckError is retried without counting against the retry limits (fluentd's takeback, COMPAT 3.3).
   */
  write(chunk: Chunk, delivery: Delivery): Promise<void>;
  /**
   * Milliseconds that a chunk may stay without the receiver's word after `sent()`; overrides delayed_commit_timeout.
   * out_forward gives ack_response_timeout + 2 s, as fluentd does.
   */
  readonly commitTimeoutMs?: number;
  /** What only the writer knows: its nodes. */
  report?(): PluginReport;
}

/** What fluentd calls the supervisor's options, as `/api/config.json` shows them. */
export interface ProcessInfo {
  /** Of the fluentd whose behaviour is the contract. */
  readonly version: string;
  /** Suiro's. */
  readonly ownVersion: string;
  readonly hostname: string;
  readonly configPath: string | undefined;
  readonly pidFile: string | undefined;
  readonly pluginFolders: readonly string[];
  readonly logPath: string | undefined;
}

/** A plugin as metrics, health checks and the control interface see it. */
export interface PluginSummary {
  readonly id: string;
  readonly kind: "input" | "filter" | "output";
  readonly type: string;
  readonly element: ConfigElement;
  /** `@ROOT`, or the label that it stands in. */
  readonly level: string;
  /** Id of the plugin that starts and stops this one; undefined when the agent does. */
  readonly owner: string | undefined;
  /** Levels that it emits to. */
  readonly targets: readonly string[];
  /** Whether it has started and not been stopped. Plugins inside others are not looked at. */
  readonly isRunning: boolean;
  readonly counters: Counters;
  report(): PluginReport;
  /** The parameters of its section as they are written, secrets masked; without the sections inside. */
  parameters(): Record<string, string>;
}

/** An event that cannot be processed, its entry `[time, record]`, and why. */
export interface FailedEvent {
  readonly entry: Buffer;
  readonly error: Error;
}

export interface PluginContext {
  /** `@id`, or a name that was made for the plugin. */
  readonly id: string;
  /** Whether the configuration gave the `@id`. */
  readonly hasGivenId: boolean;
  readonly element: ConfigElement;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly system: SystemConfig;
  /** FLUENT_BACKUP_DIR: where to keep what cannot be delivered when `<system> root_dir` is not set. */
  readonly backupFolder?: string | undefined;
  /** Where the plugin's own events go: its `@label`, or the level of the configuration that it stands in. */
  readonly emitter: Emitter;
  /** What the buffers of the agent hold, for inputs that may bring events again. Known once outputs have started. */
  readonly holdings: Holdings;
  /** Where events of another label go. Throws ConfigError `@X label not found`, after the whole tree is known. */
  labelEmitter(name: string): Emitter;
  /**
   * Hands over events of one batch that cannot be processed: to `@ERROR`, or to the log, and counts them as dropped then.
   * Rejects when `@ERROR` has no room now.
   */
  emitErrors(tag: string, failed: readonly FailedEvent[]): Promise<void>;
  /** Every plugin of the agent, once all are made. */
  plugins(): readonly PluginSummary[];
  /** Ids of the outputs at the root that match this tag; the first of them gets its events. */
  outputsOf(tag: string): readonly string[];
  /** What `monitor_agent` tells of the process: command line and version. */
  readonly process: ProcessInfo;
  /** Builds an output that stands inside this one, such as a `<store>`; it is started and stopped by its owner. */
  createOutput(element: ConfigElement): Output;
}

interface DefinitionBase<C> {
  /** `@type`. */
  readonly type: string;
  readonly table: SectionTable<C>;
  /** With several workers it must stand in the section of one: `multi_workers_ready?` of fluentd says no. */
  readonly oneWorkerOnly?: boolean;
}

export interface InputDefinition<C = unknown> extends DefinitionBase<C> {
  readonly kind: "input";
  /** Throws ConfigError. */
  create(config: C, context: PluginContext): Input;
}

export interface FilterDefinition<C = unknown> extends DefinitionBase<C> {
  readonly kind: "filter";
  create(config: C, context: PluginContext): Filter;
}

/** An output without a buffer: it has the events, or passes them on, when `emit` resolves. */
export interface OutputDefinition<C = unknown> extends DefinitionBase<C> {
  readonly kind: "output";
  /** It has no events itself: other outputs get them. */
  readonly passesOn?: boolean;
  create(config: C, context: PluginContext): Output;
}

/** An output behind a buffer. Its table includes `bufferedParameters` and `bufferedSections`. */
export interface BufferedOutputDefinition<C = unknown> extends DefinitionBase<C> {
  readonly kind: "buffered-output";
  readonly buffer: BufferDefaults;
  createWriter(config: C, context: PluginContext): ChunkWriter;
  /** The parameter whose value is the path of a file buffer that is given none: out_file's buffer is beside its files. */
  readonly bufferPath?: string;
  /** What `<buffer> compress` is unless given there. */
  defaultCompression?(config: C): "text" | "gzip" | "zstd";
}

export interface BufferDefaults {
  /** Chunk keys where `<buffer>` gives none: out_forward `tag`, out_file `time`. */
  readonly chunkKeys: readonly string[];
  readonly type: "memory" | "file";
  /** Seconds; only for outputs whose default chunk key is `time`. */
  readonly timekey?: number;
  /** Chunk keys must include the tag: `buffer chunk key must include 'tag' for forward output`. */
  readonly requiresTag?: boolean;
}

/** Any plugin: a registry holds definitions of every configuration type. */
export type PluginDefinition =
  | InputDefinition<any>
  | FilterDefinition<any>
  | OutputDefinition<any>
  | BufferedOutputDefinition<any>;
