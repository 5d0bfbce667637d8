/**
 * An output behind a buffer: takes events into chunks, and hands the chunks to the writer that knows the destination.
 *
 * `emit` resolves when the buffer holds the events: with a file buffer they are written to disk. A full buffer does
 * what overflow_action says; waiting for room holds up only the emit that waits.
 * Source: fluentd 1.18 plugin/output.rb; COMPAT 4.
 */

import type { Batch } from "../buffer/batch.ts";
import { chunkIdText } from "../buffer/chunk.ts";
import { ChunkBackup } from "../buffer/chunk-backup.ts";
import type { ChunkBuffer } from "../buffer/chunk-buffer.ts";
import type { BufferFound } from "../buffer/chunk-recovery.ts";
import { type FileSystem, nodeFileSystem } from "../buffer/file-system.ts";
import type { Receipt } from "../buffer/group-commit.ts";
import type { ConfigElement } from "../config/element.ts";
import { BufferOverflowError, ConfigError, errorMessage, StoppingError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import type {
  BufferedOutputDefinition,
  BufferReport,
  ChunkWriter,
  Output,
  PluginContext,
  PluginReport,
} from "../plugin.ts";
import { Accounts } from "./accounts.ts";
import { type BufferSettings, readBufferSettings } from "./buffer-settings.ts";
import type { BufferedConfig } from "./buffered-output-parameters.ts";
import { ChunkDelivery } from "./chunk-delivery.ts";
import { ChunkQuarantine } from "./chunk-quarantine.ts";
import { FlushScheduler } from "./flush-scheduler.ts";
import { createOutputBuffer } from "./output-buffer.ts";
import { retryPolicy } from "./retry-state.ts";

/** While stopping, a failed flush is tried again after this at the latest: there is no time for long waits. */
const STOPPING_RETRY_MS = 1000;

/** What a buffered output takes from outside its configuration; the defaults are for tests and simple agents. */
export interface BufferedOutputEnvironment {
  readonly fileSystem?: FileSystem;
  /** FLUENT_BACKUP_DIR: where backups go when `<system> root_dir` is not set. */
  readonly backupFolder?: string;
  readonly random?: () => number;
}

/**
 * Builds the output of a buffered definition. `createSecondaryWriter` builds the writer of `<secondary>`; without an
 * `@type` of its own that is the primary's. Throws ConfigError.
 */
export function createBufferedOutput<C extends BufferedConfig>(
  definition: BufferedOutputDefinition<C>,
  config: C,
  context: PluginContext,
  createSecondaryWriter: (element: ConfigElement) => ChunkWriter,
  environment: BufferedOutputEnvironment = {},
): BufferedOutput {
  const settings = readBufferSettings(definition.buffer, definition.defaultCompression?.(config), context);
  const writer = definition.createWriter(config, context);
  const element = secondaryElement(config, settings, context);
  const secondary = element && {
    writer: createSecondaryWriter(element),
    isAlike: (element.text("@type") ?? definition.type) === definition.type,
  };
  const requiresTag = definition.buffer.requiresTag ?? false;
  return new BufferedOutput({ settings, config, context, writer, secondary, requiresTag, environment });
}

function secondaryElement(config: BufferedConfig, settings: BufferSettings, { logger }: PluginContext) {
  const [element, second] = config.secondary;
  if (second) throw new ConfigError("'<secondary>' section cannot be written twice or more", second.position);
  if (!element) return undefined;
  for (const name of ["buffer", "secondary"]) {
    const inner = element.childrenNamed(name)[0];
    if (inner) throw new ConfigError(`<secondary> section cannot have <${name}> section`, inner.position);
  }
  const { retryForever, retrySecondaryThreshold } = settings;
  if (retrySecondaryThreshold <= 0 || retrySecondaryThreshold >= 1) {
    throw new ConfigError("retry_secondary_threshold must be between 0 and 1", element.position);
  }
  if (retryForever) {
    logger.warn("<secondary> with 'retry_forever', only unrecoverable errors are moved to secondary");
  }
  return element;
}

interface BufferedOutputParts {
  readonly settings: BufferSettings;
  readonly config: BufferedConfig;
  readonly context: PluginContext;
  readonly writer: ChunkWriter;
  readonly secondary: { readonly writer: ChunkWriter; readonly isAlike: boolean } | undefined;
  readonly requiresTag: boolean;
  readonly environment: BufferedOutputEnvironment;
}

export class BufferedOutput implements Output {
  readonly #settings: BufferSettings;
  readonly #context: PluginContext;
  readonly #writers: readonly ChunkWriter[];
  readonly #backup: ChunkBackup;
  readonly #buffer: ChunkBuffer;
  readonly #delivery: ChunkDelivery;
  readonly #scheduler: FlushScheduler;
  readonly #accounts: Accounts;
  /** In the ledgers of inputs. */
  readonly #entries: { readonly taken: string; readonly repeated: string };
  readonly #waitingForSpace = new Set<() => void>();
  #isStarted = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: BufferedOutputParts) {
    const { settings, config, context, writer, secondary, environment } = parts;
    const { clock, counters, id, logger, system } = context;
    this.#settings = settings;
    this.#context = context;
    this.#entries = { taken: `taken/${id}`, repeated: `repeated/${id}` };
    this.#writers = secondary ? [writer, secondary.writer] : [writer];
    this.#backup = new ChunkBackup({
      fileSystem: environment.fileSystem ?? nodeFileSystem,
      logger,
      workerId: system.workerId ?? 0,
      baseFolder: system.rootDir ?? environment.backupFolder ?? "/tmp/fluent",
      pluginId: id,
      isDisabled: settings.disableChunkBackup,
      fileMode: system.filePermission,
      folderMode: system.dirPermission,
    });
    this.#buffer = createOutputBuffer({
      ...parts,
      fileSystem: environment.fileSystem ?? nodeFileSystem,
      backup: this.#backup,
      onQueued: () => this.#scheduler.wake(),
      onSpace: () => this.#wakeWaiting(),
      beforeRemoval: (isSynced) => this.#accounts.chunksEnded(isSynced),
    });
    this.#accounts = new Accounts({
      clock,
      logger,
      counters,
      fileSystem: environment.fileSystem ?? nodeFileSystem,
      fileMode: system.filePermission,
      held: () => this.#buffer.stats().events,
      recounted: () => this.#buffer.recountedEvents,
      leaving: () => this.#buffer.removals.ids,
    });
    this.#delivery = new ChunkDelivery({
      pluginId: id,
      clock,
      logger,
      counters,
      buffer: this.#buffer,
      backup: this.#backup,
      primary: writer,
      secondary: secondary?.writer,
      isSecondaryAlike: secondary?.isAlike ?? false,
      retryPolicy: retryPolicy(settings, secondary !== undefined),
      slowFlushMs: config.slowFlushLogThreshold * 1000,
      commitTimeoutMs: settings.delayedCommitTimeout === undefined ? undefined : settings.delayedCommitTimeout * 1000,
      refusal: { attempts: settings.quarantineAttempts, waitMs: settings.quarantineWait * 1000 },
      quarantine: new ChunkQuarantine(settings, context),
      random: environment.random ?? Math.random,
      onPause: (waitMs) => this.#pause(waitMs),
      onRejoined: () => this.#scheduler.wake(),
    });
    this.#scheduler = new FlushScheduler({
      clock,
      settings,
      buffer: this.#buffer,
      take: () => this.#delivery.take(),
      deliver: (chunk, sent) => this.#delivery.deliver(chunk, sent),
    });
  }

  async start(): Promise<void> {
    const { logger } = this.#context;
    const { isDefault, totalLimitSize, type } = this.#settings;
    if (isDefault && type === "memory") {
      logger.warn(
        `events wait in memory only: a killed process would lose up to ${totalLimitSize} bytes of them. ` +
          "To keep them on disk add to this <match>: <buffer> @type file, path /var/log/suiro/buffer </buffer>",
      );
    }
    let found: BufferFound | undefined;
    try {
      found = await this.#buffer.start();
      this.#context.holdings.add(this.#buffer.journal);
      for (const writer of this.#writers) await writer.start();
    } catch (error) {
      this.#context.holdings.remove(this.#buffer.journal);
      await this.#buffer.close();
      throw error;
    }
    this.#isStarted = true;
    if (found) this.#accounts.start(found);
    this.#scheduler.start();
  }

  /** Resolves when the buffer holds the events, as safely as their origin asks. Throws BufferOverflowError, BufferIoError, StoppingError. */
  async emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    if (events.size === 0) return;
    if (this.#stopped) throw new StoppingError("the output is stopping and takes no events");
    this.#context.counters.add("emits");
    const batches = this.#settings.keys.split(tag, events);
    let receipt: Receipt | undefined;
    while (!receipt) receipt = await this.#append(batches, origin);
    this.#context.counters.add("emitted_events", events.size);
    this.#context.counters.add("emitted_bytes", events.packed.length);
    const { size } = events;
    const ledger = origin?.ledger;
    ledger?.book(receipt.isRepeated ? this.#entries.repeated : this.#entries.taken, size);
    events.release();
    if (!origin || origin.ackAfter === "written") return;
    try {
      await this.#buffer.safe(receipt, origin.ackAfter);
    } catch (error) {
      ledger?.book("untold", size);
      throw error;
    }
  }

  async flush(): Promise<void> {
    this.#buffer.enqueueAll();
    this.#delivery.recall();
    await this.#drain();
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline);
    return this.#stopped;
  }

  get keepsUndelivered(): boolean {
    return this.#buffer.isPersistent;
  }

  /** `path` and `path_suffix` of a file buffer. */
  get place(): { readonly path: string; readonly pathSuffix: string } | undefined {
    const { path, pathSuffix } = this.#settings;
    return path === undefined ? undefined : { path, pathSuffix };
  }

  report(): PluginReport {
    return { ...this.#writers[0]?.report?.(), buffer: this.stats(), account: this.#accounts.report() };
  }

  stats(): BufferReport {
    const { retry, lastDeliveryMs } = this.#delivery;
    return {
      ...this.#buffer.stats(),
      awaitingAck: this.#scheduler.awaiting,
      retry: retry && { startMs: retry.startMs, steps: retry.steps, nextTimeMs: retry.nextTimeMs },
      lastDeliveryMs,
    };
  }

  /** Undefined when it is worth trying again. */
  async #append(batches: readonly Batch[], origin: Origin | undefined): Promise<Receipt | undefined> {
    try {
      return await this.#buffer.append(batches, this.#settings.flushMode === "immediate", origin);
    } catch (error) {
      if (error instanceof BufferOverflowError) await this.#makeSpace(error);
      else if (this.#settings.overflowAction === "block" && this.#buffer.isFailing) await this.#space();
      else throw error;
      return undefined;
    }
  }

  async #makeSpace(error: BufferOverflowError): Promise<void> {
    const { counters, logger } = this.#context;
    const action = this.#settings.overflowAction;
    counters.add("buffer_overflows");
    logger.warn("failed to write data into buffer by buffer overflow", { action });
    if (action === "throw_exception") throw error;
    if (action === "block") await this.#space();
    else if (!this.#dropOldestChunk()) throw error;
  }

  async #space(): Promise<void> {
    const { logger } = this.#context;
    logger.debug("buffer.write is now blocking");
    while (!this.#buffer.isStorable || this.#buffer.isFailing) {
      if (this.#stopped) {
        logger.error("breaking block behavior to shutdown");
        throw new StoppingError("the output stops while its buffer, or the disk under it, is full");
      }
      await new Promise<void>((resolve) => this.#waitingForSpace.add(resolve));
    }
    logger.debug("retrying buffer.write after blocked operation");
  }

  #dropOldestChunk(): boolean {
    const { counters, logger } = this.#context;
    this.#delivery.recall();
    const oldest = this.#buffer.take();
    if (!oldest) {
      logger.error("no queued chunks to be dropped for drop_oldest_chunk");
      return false;
    }
    const chunk_id = chunkIdText(oldest.id);
    logger.warn("dropping oldest chunk to make space after buffer overflow", { chunk_id });
    counters.add("dropped_events", oldest.size, "drop_oldest_chunk");
    this.#buffer.purge(oldest, "dropped");
    return true;
  }

  #wakeWaiting(): void {
    for (const wake of this.#waitingForSpace) wake();
    this.#waitingForSpace.clear();
  }

  #pause(waitMs: number): void {
    const longestMs = this.#stopped ? STOPPING_RETRY_MS : Number.POSITIVE_INFINITY;
    this.#scheduler.pause(Math.min(waitMs, longestMs));
  }

  /** Waits until queue and deliveries are empty, a flush has failed (unless `isStubborn`), or `deadline` aborts. */
  async #drain(deadline?: AbortSignal, isStubborn = false): Promise<void> {
    const hasWork = () => this.#buffer.queueLength > 0 || this.#scheduler.active > 0;
    this.#scheduler.wake();
    while (hasWork() && !deadline?.aborted && (isStubborn || !this.#delivery.retry)) {
      await this.#scheduler.nextEnd(deadline);
    }
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    await Promise.resolve(); // `#stopped` is set before anything below looks at it.
    this.#wakeWaiting();
    this.#delivery.hurry();
    if (this.#isStarted) {
      this.#scheduler.stop(!this.#settings.flushAtShutdown);
      if (this.#settings.flushAtShutdown) {
        this.#buffer.enqueueAll();
        this.#scheduler.pause(0);
        await this.#drain(deadline, !this.#buffer.isPersistent);
      }
      this.#scheduler.stop(true);
      while (this.#scheduler.active > 0 && !deadline.aborted) await this.#scheduler.nextEnd(deadline);
      this.#delivery.abort();
      while (this.#scheduler.active > 0) await this.#scheduler.nextEnd();
      if (!this.#buffer.isPersistent) await this.#keepUndelivered();
    }
    for (const writer of this.#writers) await writer.stop(deadline);
    this.#context.holdings.remove(this.#buffer.journal); // Inputs that go on over a reload ask the others.
    await this.#buffer.close();
    this.#accounts.stop();
  }

  /** Chunks that a memory buffer could not deliver in time: kept as backup files, and counted. */
  async #keepUndelivered(): Promise<void> {
    const { counters, logger } = this.#context;
    this.#buffer.enqueueAll();
    for (let chunk = this.#buffer.take(); chunk; chunk = this.#buffer.take()) {
      const { id, size } = chunk;
      logger.error("a chunk in memory was not delivered before the stop", { chunk: chunkIdText(id), records: size });
      counters.add("dropped_events", size, "shutdown");
      try {
        if (await this.#backup.keep(chunkIdText(id), chunk.read())) counters.add("chunks_backed_up");
      } catch (error) {
        logger.error(`its events are lost: ${errorMessage(error)}`, { chunk: chunkIdText(id), records: size });
      }
      this.#buffer.purge(chunk);
    }
  }
}
