/**
 * `@type tail`: reads files as they grow, over rotations and restarts. The part that knows configuration and lifecycle;
 * what happens to files stands in followed-files.ts. Source: fluentd 1.18 plugin/in_tail.rb; COMPAT 5.
 */

import { dirname, resolve } from "node:path";
import { aborted, type CancelTimer, sleep } from "../clock.ts";
import { ConfigError, errorMessage } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { localZone, timeZone } from "../event/time-zone.ts";
import type { Input, InputDefinition, PluginContext, PluginReport } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { BlockReader } from "./tail/block-reader.ts";
import { ChangeWatch } from "./tail/change-watch.ts";
import { FollowedFiles, type FollowRules } from "./tail/followed-files.ts";
import { HeldRanges } from "./tail/held-ranges.ts";
import {
  BLOCK_BYTES,
  EVENT_LIMIT_BYTES,
  FEW_FILES,
  LINE_LIMIT_BYTES,
  PARTS_FLUSH_MS,
  POLL_MS,
  SLOW_POLLS,
  SMALLEST_BLOCK_BYTES,
  STOP_READING_MS,
} from "./tail/limits.ts";
import { LineEvents } from "./tail/line-events.ts";
import { type LineParsers, lineParsers } from "./tail/line-parsers.ts";
import { LineSplitter } from "./tail/line-splitter.ts";
import { OpenFiles } from "./tail/open-files.ts";
import { type TailConfig, tailTable } from "./tail/parameters.ts";
import { PathField } from "./tail/path-field.ts";
import { PositionBook } from "./tail/position-book.ts";
import { PositionFile } from "./tail/position-file.ts";
import { FileGroups } from "./tail/read-allowance.ts";
import { TagTemplate } from "./tail/tag-template.ts";
import type { TailWork } from "./tail/tailer.ts";
import { isExtendedGlob, TargetPaths } from "./tail/target-paths.ts";
import { type TextEncoding, textEncoding } from "./tail/text-encoding.ts";

export const tailInput: InputDefinition<TailConfig> = {
  kind: "input",
  type: "tail",
  oneWorkerOnly: true,
  table: tailTable,
  create(config, context) {
    return new TailInput(config, context, lineParsers(config.element, context));
  },
};

/** The pos_files of each configuration that is read, by path, with the plugin that has it. */
const positionFiles = new WeakMap<object, Map<string, string>>();

const RESERVED_DELIMITERS = ["/", "*", "%"];
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

class TailInput implements Input {
  readonly #config: TailConfig;
  readonly #context: PluginContext;
  readonly #targets: TargetPaths;
  readonly #warnings: RareWarnings;
  readonly #reader = new BlockReader();
  readonly #openFiles: OpenFiles;
  readonly #work: TailWork;
  readonly #rules: FollowRules;
  readonly #timers: CancelTimer[] = [];
  readonly #watch: ChangeWatch | undefined;
  #book: PositionBook | undefined;
  #files: FollowedFiles | undefined;
  #pendingRefresh: Promise<void> | undefined;
  #pendingPoll: Promise<void> | undefined;
  #polls = 0;
  #isStopping = false;

  /** Throws ConfigError, with fluentd's texts. */
  constructor(config: TailConfig, context: PluginContext, parsers: LineParsers) {
    const encoding = this.#check(config);
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#openFiles = new OpenFiles(context.counters);
    this.#targets = new TargetPaths(this.#pathRules(config), context.clock, context.logger);
    this.#work = this.#createWork(parsers, encoding);
    this.#rules = this.#followRules();
    if (config.enableStatWatcher) this.#watch = this.#createWatch();
    this.#claimPositionFile();
  }

  async start(): Promise<void> {
    const { clock, logger } = this.#context;
    const config = this.#config;
    const targets = await this.#targets.expand();
    const { held } = this.#rules;
    this.#book = new PositionBook(this.#openPositionFile(), config.followInodes, logger, held);
    const remainders = await this.#book.load(targets);
    this.#files = new FollowedFiles(this.#rules, this.#work, this.#book, {
      added: (path) => this.#watch?.add(path),
      removed: (path) => this.#watch?.remove(path),
    });
    this.#files.resume(remainders);
    if (!config.skipRefreshOnStartup) this.#files.refresh(targets);
    await this.#watch?.start();
    if (this.#isStopping) return;
    const every = (seconds: number, action: () => void) => this.#timers.push(clock.every(seconds * 1000, action));
    every(POLL_MS / 1000, () => this.#poll());
    every(Math.max(config.refreshInterval, 0.001), () => this.#refresh());
    if (config.posFileCompactionInterval) {
      every(config.posFileCompactionInterval, () => {
        logger.info("Clean up the pos file");
        this.#book?.compact();
      });
    }
  }

  report(): PluginReport {
    const { posFile } = this.#config;
    const files = this.#files?.report() ?? [];
    return posFile === undefined || !this.#files ? { files } : { files, folders: [dirname(resolve(posFile))] };
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const cancel of this.#timers) cancel();
    const watch = this.#watch?.close();
    await this.#pendingRefresh;
    await this.#pendingPoll;
    await this.#files?.checkAll();
    this.#files?.flush();
    await Promise.race([this.#reader.idle(), sleep(this.#context.clock, STOP_READING_MS, deadline)]);
    await this.#settled(deadline);
    this.#files?.stop();
    await this.#reader.close();
    this.#openFiles.closeAll();
    this.#book?.close();
    await watch;
  }

  /** Reads no more, and waits for what is handed over already. */
  async #settled(deadline: AbortSignal): Promise<void> {
    await this.#reader.close();
    await Promise.race([this.#reader.idle(), aborted(deadline)]);
  }

  #poll(): void {
    this.#polls = (this.#polls + 1) % SLOW_POLLS;
    const isDue = this.#config.enableWatchTimer || this.#polls === 0 || (this.#files?.pathCount ?? 0) <= FEW_FILES;
    if (!isDue) return;
    this.#pendingPoll ??= this.#files?.checkAll().finally(() => {
      this.#pendingPoll = undefined;
    });
  }

  #refresh(): void {
    this.#pendingRefresh ??= this.#targets
      .expand()
      .then((targets) => {
        if (!this.#isStopping) this.#files?.refresh(targets);
      })
      .catch((error) => this.#context.logger.warn("cannot search for files", { error }))
      .finally(() => {
        this.#pendingRefresh = undefined;
      });
  }

  #createWatch(): ChangeWatch {
    const { clock, logger } = this.#context;
    return new ChangeWatch({
      clock,
      look: (path) => this.#files?.look(path) ?? false,
      onError: (error) => logger.debug("cannot watch for changes; files are looked at instead", { error }),
    });
  }

  #check(config: TailConfig): TextEncoding {
    const fail = (key: string, message: string) => {
      throw new ConfigError(message, config.element.parameter(key)?.position ?? config.element.position);
    };
    const { path, pathDelimiter: delimiter, globPolicy } = config;
    if (!config.enableWatchTimer && !config.enableStatWatcher) {
      fail("enable_watch_timer", "either of enable_watch_timer or enable_stat_watcher must be true");
    }
    if (globPolicy === "always" && delimiter === ",") {
      fail("glob_policy", 'cannot use glob_policy as always with the default path_delimitor: `,"');
    }
    if (globPolicy === "extended" && /\{.*,.*\}/.test(path) && isExtendedGlob(path)) {
      const advice = "Use glob_policy always instead.";
      fail("path", `cannot include curly braces with glob patterns in \`${path}". ${advice}`);
    }
    if (delimiter === "" || RESERVED_DELIMITERS.includes(delimiter)) {
      fail("path_delimiter", `${RESERVED_DELIMITERS.join(", ")} are reserved words: ${delimiter}`);
    }
    if (pathsOf(config).length === 0) fail("path", "tail: 'path' parameter is required on tail input");
    if (config.followInodes && config.posFile === undefined) {
      fail("follow_inodes", "Can't follow inodes without pos_file configuration parameter");
    }
    if (config.readBytesLimitPerSecond > 0 && !config.enableWatchTimer) {
      fail("enable_watch_timer", "Need to enable watch timer when using log throttling feature");
    }
    if (config.readLinesLimit < 1) fail("read_lines_limit", "'read_lines_limit' must be 1 or more");
    if (config.group) {
      if (config.group.rule.length === 0)
        throw new ConfigError("<rule> section is required, in section group", config.group.element.position);
      const wrong = config.group.rule.find(({ limit }) => limit < -1);
      if (wrong) throw new ConfigError("Metadata Group Limit >= DEFAULT_LIMIT (-1)", wrong.element.position);
    }
    const encodingPosition = config.element.parameter("encoding") ?? config.element.parameter("from_encoding");
    return textEncoding(config.encoding, config.fromEncoding, encodingPosition?.position ?? config.element.position);
  }

  #pathRules(config: TailConfig) {
    const zone = config.pathTimezone === undefined ? localZone : timeZone(config.pathTimezone);
    if (!zone) {
      throw new ConfigError(
        `Unsupported timezone '${config.pathTimezone}'`,
        config.element.parameter("path_timezone")?.position,
      );
    }
    return {
      paths: pathsOf(config),
      excludedPaths: config.excludePath,
      globPolicy: config.globPolicy,
      zone,
      recentSeconds: config.limitRecentlyModified,
      ignoreRepeatedPermissionError: config.ignoreRepeatedPermissionError,
    };
  }

  #createWork(parsers: LineParsers, encoding: TextEncoding): TailWork {
    const { clock, counters, emitter, logger } = this.#context;
    const config = this.#config;
    const { parser } = parsers;
    const events = new LineEvents({
      ...parsers,
      convert: encoding.convert,
      pathField: config.pathKey === undefined ? undefined : new PathField(config.pathKey),
      emitsUnmatched: config.emitUnmatchedLines,
      clock,
      counters,
      warnings: this.#warnings,
    });
    const partsFlushMs = parser.isWhole ? PARTS_FLUSH_MS : undefined;
    const longest = parser.isMultiline ? EVENT_LIMIT_BYTES : LINE_LIMIT_BYTES;
    const maxLineBytes = Math.min(config.maxLineSize ?? longest, longest);
    return {
      splitter: new LineSplitter(events, parser, encoding.newline, maxLineBytes),
      maxLineBytes,
      reader: this.#reader,
      writer: new ByteWriter(BLOCK_BYTES),
      files: this.#openFiles,
      emitter,
      counters,
      clock,
      logger,
      warnings: this.#warnings,
      linesPerBatch: config.readLinesLimit,
      rotateWaitMs: config.rotateWait * 1000,
      flushMs: config.multilineFlushInterval === undefined ? partsFlushMs : config.multilineFlushInterval * 1000,
      keepsOpenEvents: partsFlushMs !== undefined && config.posFile !== undefined,
      opensEachTime: config.openOnEveryUpdate,
    };
  }

  #followRules(): FollowRules {
    const { group, followInodes, posFile, readFromHead, readBytesLimitPerSecond, tag } = this.#config;
    const { clock, holdings } = this.#context;
    const limit = readBytesLimitPerSecond > 0 ? Math.max(readBytesLimitPerSecond, SMALLEST_BLOCK_BYTES) : -1;
    const onUnknown = (path: string) =>
      this.#warnings.warn("Cannot find group from metadata, Adding file in the default group", { path });
    return {
      followsInodes: followInodes,
      readsFromHead: readFromHead,
      bytesPerSecond: limit,
      tag: new TagTemplate(tag),
      held: posFile === undefined ? undefined : new HeldRanges(holdings, posFile),
      groups:
        group &&
        new FileGroups(
          { pattern: group.pattern, periodSeconds: group.ratePeriod, rules: group.rule },
          clock,
          onUnknown,
        ),
    };
  }

  #claimPositionFile(): void {
    const { posFile, element, encoding, fromEncoding, readBytesLimitPerSecond: limit } = this.#config;
    const { system, id, logger } = this.#context;
    if (encoding !== undefined && encoding.toLowerCase() === fromEncoding?.toLowerCase()) {
      logger.warn("'encoding' and 'from_encoding' are same encoding. No effect");
    }
    if (limit > 0 && limit < SMALLEST_BLOCK_BYTES) {
      const least = SMALLEST_BLOCK_BYTES;
      logger.warn(`Should specify greater equal than ${least}. Use ${least} for read_bytes_limit_per_second`);
    }
    if (posFile === undefined) {
      logger.warn("'pos_file PATH' parameter is not set to a 'tail' source.");
      logger.warn("this parameter is highly recommended to save the position to resume tailing.");
      return;
    }
    const claimed = positionFiles.get(system) ?? new Map<string, string>();
    positionFiles.set(system, claimed);
    const other = claimed.get(posFile);
    if (other !== undefined) {
      const where = `plugin_id = ${other}, pos_file path = ${posFile}`;
      const message = `Other 'in_tail' plugin already use same pos_file path: ${where}`;
      throw new ConfigError(message, element.parameter("pos_file")?.position);
    }
    claimed.set(posFile, id);
  }

  #openPositionFile(): PositionFile | undefined {
    const { posFile, element } = this.#config;
    const { clock, system, counters } = this.#context;
    if (posFile === undefined) return undefined;
    const modes = { file: system.filePermission ?? FILE_MODE, folder: system.dirPermission ?? FOLDER_MODE };
    try {
      const onError = (error: unknown) => {
        counters.add("disk_errors", 1, "pos_file");
        this.#warnings.warn("cannot write pos_file", { path: posFile, error: errorMessage(error) });
      };
      return PositionFile.open(posFile, modes, onError, (action) => clock.after(POLL_MS, action));
    } catch (cause) {
      const message = `pos_file ${posFile} cannot be opened: ${errorMessage(cause)}`;
      throw new ConfigError(message, element.parameter("pos_file")?.position, { cause });
    }
  }
}

function pathsOf({ path, pathDelimiter }: TailConfig): string[] {
  const paths = path.split(pathDelimiter).map((part) => part.trim());
  return [...new Set(paths.filter((part) => part !== ""))];
}
