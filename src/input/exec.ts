/** `@type exec`: runs a command and takes what it writes. Source: fluentd 1.18 plugin/in_exec.rb. */

import { type ChildProcess, spawn } from "node:child_process";
import type { CancelTimer } from "../clock.ts";
import type { ConfigElement } from "../config/element.ts";
import { enumeration, size, string, time } from "../config/literals.ts";
import { type ConfigOf, optional, readSectionOrThrow, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { nextJsonValue } from "../event/json-value-scanner.ts";
import { textDecoder } from "../event/text-decoder.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";
import { type ExtractConfig, extractTable } from "../parser/extract.ts";
import { flatExtractParameters, flatExtractSection } from "../parser/flat-parameters.ts";
import type { Parser } from "../parser/parser.ts";
import { createParser, parseParameters, parseSections } from "../parser/parser-list.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { emitBatches } from "./emit-batches.ts";
import { Extract } from "./text/extract.ts";
import { withParseDefaults } from "./text/parse-defaults.ts";
import { TextEvents } from "./text/text-events.ts";

/** Of what a command writes, an event may take so much; fluentd knows no bound. */
const TEXT_LIMIT_BYTES = 8 * 1024 * 1024;
/** How long a command may take to end after SIGTERM. Source: fluentd 1.18 child_process helper, 10 s. */
const KILL_AFTER_MS = 10_000;

const table = section(
  {
    ...parseParameters,
    command: string.required("Command line; it is run by the shell."),
    connect_mode: enumeration("read", "read_with_stderr").default("What is read: standard output, or both.", "read"),
    tag: string.optional("Tag of the events."),
    ...flatExtractParameters,
    run_interval: time.optional("Run the command again and again; without it once, at start."),
    read_block_size: size.default("Accepted; the system's own blocks are read.", 10240),
    encoding: string.optional("Encoding of what the command writes, if not UTF-8; JSON and msgpack have their own."),
  },
  { ...parseSections, extract: optional(extractTable) },
);

type ExecConfig = ConfigOf<typeof table>;

export const execInput: InputDefinition<ExecConfig> = {
  kind: "input",
  type: "exec",
  table,
  create(config, context) {
    const extract = extractConfig(context.element);
    if (config.tag === undefined && extract?.tagKey === undefined) {
      throw new ConfigError("'tag' or 'tag_key' option is required on exec input", context.element.position);
    }
    if (config.encoding !== undefined && !textDecoder(config.encoding)) {
      const { position } = config.element.parameter("encoding") ?? context.element;
      throw new ConfigError(`unknown encoding name - ${config.encoding}`, position);
    }
    return new ExecInput(config, extract, context);
  },
};

class ExecInput implements Input {
  readonly #config: ExecConfig;
  readonly #context: PluginContext;
  readonly #events: TextEvents;
  readonly #parser: Parser;
  readonly #warnings: RareWarnings;
  readonly #isText: boolean;
  readonly #nextText: (bytes: Buffer, isLast: boolean) => Bounds | undefined;
  #cancel: CancelTimer = () => {};
  #child: ChildProcess | undefined;
  #run: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(config: ExecConfig, extract: ExtractConfig | undefined, context: PluginContext) {
    const element = withParseDefaults(context.element, {
      "@type": "tsv",
      time_type: hasTimeFormat(context.element.childrenNamed("parse")[0] ?? context.element) ? "string" : "float",
      estimate_current_event: "false",
    });
    const type = element.childrenNamed("parse")[0]?.text("@type");
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#nextText = type === "json" ? nextJson : type === "msgpack" ? nextMsgpack : nextLine;
    this.#isText = this.#nextText === nextLine;
    this.#parser = createParser(element, { ...context, encoding: "utf-8", noTimeKey: true });
    this.#events = new TextEvents({
      clock: context.clock,
      fields: [],
      extract: extract && new Extract(extract, context.clock),
      withoutTime: "now",
    });
  }

  async start(): Promise<void> {
    const { runInterval } = this.#config;
    if (runInterval === undefined) this.#execute();
    else this.#cancel = this.#context.clock.every(runInterval * 1000, () => this.#execute());
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#isStopping = true;
    this.#cancel();
    this.#child?.kill("SIGTERM");
    const kill = () => this.#child?.kill("SIGKILL");
    const cancelKill = this.#context.clock.after(KILL_AFTER_MS, kill);
    deadline.addEventListener("abort", kill, { once: true });
    await this.#run;
    cancelKill();
    deadline.removeEventListener("abort", kill);
  }

  /** Not while the last run goes on. */
  #execute(): void {
    if (this.#child || this.#isStopping) return;
    const { command, connectMode } = this.#config;
    const child = spawn(connectMode === "read" ? command : `{ ${command}\n} 2>&1`, {
      shell: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    this.#run = this.#read(child).catch((error) => {
      this.#context.logger.error("Unexpected error raised. Stopping the run of the command.", { error });
      child.kill("SIGTERM");
    });
    this.#run = this.#run.then(() => {
      this.#child = undefined;
    });
  }

  async #read(child: ChildProcess): Promise<void> {
    const failed = new Promise<never>((_resolve, reject) => child.on("error", reject));
    failed.catch(() => {});
    const toUtf8 = this.#toUtf8();
    let rest: Buffer = Buffer.alloc(0);
    for await (const read of child.stdout as NonNullable<ChildProcess["stdout"]>) {
      this.#context.counters.add("received_bytes", (read as Buffer).length);
      rest = await this.#take(Buffer.concat([rest, toUtf8(read as Buffer, true)]), false);
    }
    await this.#take(Buffer.concat([rest, toUtf8(Buffer.alloc(0), false)]), true);
    if (child.exitCode === null && child.signalCode === null) {
      await Promise.race([failed, new Promise((resolve) => child.on("exit", resolve))]);
    }
    if (child.exitCode) this.#warnings.warn("the command failed", { code: child.exitCode });
  }

  /** Converts what one run of the command writes. JSON and msgpack are read as bytes, as in fluentd. */
  #toUtf8(): (bytes: Buffer, isPart: boolean) => Buffer {
    const { encoding = "utf-8" } = this.#config;
    const decode = this.#isText && !/^utf-?8$/i.test(encoding) ? textDecoder(encoding) : undefined;
    return decode ? (bytes, isPart) => Buffer.from(decode(bytes, isPart)) : (bytes) => bytes;
  }

  /** Takes what is whole, and returns the rest. */
  async #take(bytes: Buffer, isLast: boolean): Promise<Buffer> {
    let position = 0;
    for (;;) {
      const bounds = this.#nextText(bytes.subarray(position), isLast);
      if (!bounds) break;
      this.#add(bytes, position + bounds.start, position + bounds.end);
      position += bounds.next;
    }
    await emitBatches(this.#events.take(), this.#context);
    if (bytes.length - position <= TEXT_LIMIT_BYTES) return bytes.subarray(position);
    this.#drop("too_long", "the command writes an event that is too long", { limit: TEXT_LIMIT_BYTES });
    return Buffer.alloc(0);
  }

  #add(bytes: Buffer, start: number, end: number): void {
    try {
      if (this.#events.add(this.#parser, this.#config.tag ?? "", bytes, start, end, [])) return;
      this.#drop("unmatched", "pattern not matched", {});
    } catch (error) {
      this.#drop("invalid", "exec failed to emit", { error });
    }
  }

  #drop(reason: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#context.counters.add("dropped_events", 1, reason);
    this.#warnings.warn(message, fields);
  }
}

/** The section, or the keys of fluentd 0.12 for it; a format makes the time a text. Throws ConfigError. */
function extractConfig(owner: ConfigElement): ExtractConfig | undefined {
  const given = owner.childrenNamed("extract")[0] ?? flatExtractSection(owner);
  if (!given) return undefined;
  const config = readSectionOrThrow(extractTable, given);
  const isText = hasTimeFormat(given) && given.parameter("time_type") === undefined;
  return isText ? { ...config, timeType: "string" } : config;
}

const hasTimeFormat = (section: ConfigElement) => section.parameter("time_format") !== undefined;

/** One text, and where the next may begin. */
interface Bounds {
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

function nextLine(bytes: Buffer, isLast: boolean): Bounds | undefined {
  const newline = bytes.indexOf(0x0a);
  if (newline < 0) return isLast && bytes.length > 0 ? { start: 0, end: bytes.length, next: bytes.length } : undefined;
  const end = newline > 0 && bytes[newline - 1] === 0x0d ? newline - 1 : newline;
  return { start: 0, end, next: newline + 1 };
}

/** Throws MalformedError where there is neither an object nor an array. */
function nextJson(bytes: Buffer): Bounds | undefined {
  if (/^\s*$/.test(bytes.toString("latin1", 0, 64)) && bytes.length <= 64) return undefined;
  const found = nextJsonValue(bytes);
  return found && { ...found, next: found.end };
}

function nextMsgpack(bytes: Buffer): Bounds | undefined {
  const end = bytes.length === 0 ? INCOMPLETE : skipValue(bytes, 0, bytes.length);
  return end === INCOMPLETE ? undefined : { start: 0, end, next: end };
}
