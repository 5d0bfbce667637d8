/**
 * The soak: an agent under acked load and with a file to follow, between them and the receiver everything that goes wrong
 * in the field, one fault after the other. At the end every number that was acked, and every line that was written, is in
 * the receiver's buffer; at a receiver that knows resends, once.
 */

import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ChildProgram } from "../support/child-program.ts";
import { startFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro } from "../support/suiro.ts";
import { type Fault, planFaults } from "./fault-plan.ts";
import { FaultyProxy } from "./faulty-proxy.ts";
import { chunkNames, heldNumbers } from "./held-events.ts";
import { AckedSender, LineWriter } from "./numbered-load.ts";

export interface SoakOptions {
  readonly seed: number;
  readonly faults: number;
  /** No further fault begins after it. */
  readonly untilMs: number;
  readonly receiver: "suiro" | "fluentd";
  /** Of the agent's source. */
  readonly ackAfter: string;
  /** A new, empty folder. */
  readonly folder: string;
  /** Whether the agent's buffer has a file system of its own, which may be filled. */
  readonly canFill: boolean;
  tell(text: string): void;
}

export interface SoakResult {
  readonly struck: Readonly<Record<string, number>>;
  readonly sent: number;
  readonly lines: number;
  /** Numbers that were acked, or lines that were written, and did not arrive. */
  readonly missing: readonly string[];
  /** Numbers and lines that arrived more than once. */
  readonly twice: readonly string[];
}

const LINES_PER_TICK = 20;
const TICK_MS = 10;
/** So long without progress, and something is stuck. */
const STALL_MS = 60_000;

export class Soak {
  readonly #options: SoakOptions;
  readonly #sender: AckedSender;
  readonly #lines: LineWriter;
  readonly #proxy: FaultyProxy;
  readonly #agentConfig: string;
  readonly #receiverConfig: string;
  readonly #struck: Record<string, number> = {};
  #agent: ChildProgram | undefined;
  #receiver: ChildProgram | undefined;

  private constructor(options: SoakOptions, agentPort: number, receiverPort: number) {
    const { folder } = options;
    this.#options = options;
    this.#sender = new AckedSender(agentPort);
    this.#lines = new LineWriter(join(folder, "in.log"));
    this.#proxy = new FaultyProxy(receiverPort);
    this.#agentConfig = join(folder, "agent.conf");
    this.#receiverConfig = join(folder, "receiver.conf");
    writeFileSync(this.#receiverConfig, receiverConfiguration(receiverPort, this.#receiverBuffer));
  }

  /** Runs it from start to end. Throws when something is stuck; the caller says the seed. */
  static async run(options: SoakOptions): Promise<SoakResult> {
    const soak = new Soak(options, await freePort(), await freePort());
    try {
      return await soak.#run(planFaults(options.seed, options.faults));
    } finally {
      soak.#proxy.stop();
      await soak.#agent?.stop("SIGKILL");
      await soak.#receiver?.stop("SIGKILL");
    }
  }

  get #agentBuffer(): string {
    return join(this.#options.folder, "buffer", "chunks");
  }

  get #receiverBuffer(): string {
    return join(this.#options.folder, "received");
  }

  async #run(plan: readonly Fault[]): Promise<SoakResult> {
    const { ackAfter, folder, tell, untilMs } = this.#options;
    await this.#proxy.start();
    writeFileSync(
      this.#agentConfig,
      agentConfiguration(this.#sender.port, this.#proxy.port, folder, this.#agentBuffer, ackAfter),
    );
    this.#lines.write(1);
    await this.#startReceiver();
    await this.#startAgent();
    const sending = this.#sender.run();
    for (const [index, fault] of plan.entries()) {
      if (Date.now() >= untilMs) break;
      await this.#load(fault.afterEvents);
      tell(
        `${index + 1}/${plan.length} ${fault.kind} (${this.#sender.acked.size} acked, ${this.#lines.written} lines)`,
      );
      if (fault.kind === "fill disk" && !this.#options.canFill) continue;
      await this.#strike(fault);
      this.#struck[fault.kind] = (this.#struck[fault.kind] ?? 0) + 1;
    }
    await this.#load(100);
    this.#sender.end();
    await sending;
    await this.#settle();
    return this.#result();
  }

  /** Goes on until so many more events were acked. */
  async #load(events: number): Promise<void> {
    const target = this.#sender.acked.size + events;
    await this.#until(
      () => this.#sender.acked.size >= target,
      () => this.#sender.acked.size,
      () => this.#lines.write(LINES_PER_TICK),
    );
  }

  /** Waits for everything to be with the receiver. */
  async #settle(): Promise<void> {
    let left = Number.POSITIVE_INFINITY;
    await this.#until(
      () => left === 0 && chunkNames(this.#agentBuffer).length === 0,
      () => left,
      () => {
        try {
          left = this.#missing(heldNumbers(this.#receiverBuffer)).length;
        } catch {
          // A chunk is being written just now.
        }
      },
      200,
    );
  }

  async #until(holds: () => boolean, progress: () => number, tick: () => void, everyMs = TICK_MS): Promise<void> {
    let [last, sinceMs] = [progress(), Date.now()];
    while (!holds()) {
      tick();
      await wait(everyMs);
      if (progress() !== last) [last, sinceMs] = [progress(), Date.now()];
      else if (Date.now() - sinceMs > STALL_MS)
        throw new Error(`no progress for ${STALL_MS / 1000} s: ${this.#state()}`);
    }
  }

  #state(): string {
    const held = heldNumbers(this.#receiverBuffer);
    const missing = this.#missing(held);
    const tail = (program: ChildProgram | undefined) => program?.output.slice(-3000) ?? "none";
    return `${this.#sender.acked.size} acked, ${missing.length} missing: ${missing.slice(0, 20).join(" ")}
agent: ${tail(this.#agent)}
receiver: ${tail(this.#receiver)}`;
  }

  #missing(held: ReturnType<typeof heldNumbers>): string[] {
    const lines = Array.from({ length: this.#lines.written }, (_, number) => number);
    return [
      ...[...this.#sender.acked].filter((number) => !held.sent.has(number)).map((number) => `sent ${number}`),
      ...lines.filter((number) => !held.line.has(number)).map((number) => `line ${number}`),
    ];
  }

  async #result(): Promise<SoakResult> {
    await this.#agent?.stop();
    await this.#receiver?.stop();
    const held = heldNumbers(this.#receiverBuffer);
    const twice = Object.entries(held).flatMap(([field, numbers]) =>
      [...numbers].filter(([, count]) => count > 1).map(([number]) => `${field} ${number}`),
    );
    const { acked } = this.#sender;
    return { struck: this.#struck, sent: acked.size, lines: this.#lines.written, missing: this.#missing(held), twice };
  }

  async #strike({ kind, lastsMs, atByte }: Fault): Promise<void> {
    const proxy = this.#proxy;
    switch (kind) {
      case "kill agent":
        return this.#restartAgent("SIGKILL");
      case "terminate agent":
        return this.#restartAgent("SIGTERM");
      case "kill receiver":
        return this.#restartReceiver("SIGKILL", lastsMs);
      case "terminate receiver":
        return this.#restartReceiver("SIGTERM", lastsMs);
      case "stop agent":
        return this.#pause(this.#agent, lastsMs);
      case "stop receiver":
        return this.#pause(this.#receiver, lastsMs);
      case "reload agent":
        this.#agent?.kill("SIGHUP");
        return;
      case "cut connections":
        return proxy.cut();
      case "cut at a byte":
        proxy.cutAfter = { side: "agent", bytes: atByte };
        return;
      case "cut at an ack":
        proxy.cutAfter = { side: "receiver", bytes: 1 + (atByte % 60) };
        return;
      case "swallow acks":
      case "lie in acks":
        proxy.acks = kind === "swallow acks" ? "swallow" : "lie";
        await this.#loadFor(lastsMs);
        proxy.acks = "pass";
        return;
      case "slow receiver":
        proxy.delayMs = 5 + (atByte % 40);
        await this.#loadFor(lastsMs);
        proxy.delayMs = 0;
        return;
      case "tear a frame":
        return this.#sender.tear();
      case "rotate file":
        return this.#lines.rotate();
      case "fill disk":
        return this.#fillDisk(lastsMs);
      case "move buffer away":
        renameSync(this.#agentBuffer, `${this.#agentBuffer}-away`);
        await this.#loadFor(lastsMs);
        renameSync(`${this.#agentBuffer}-away`, this.#agentBuffer);
        return;
    }
  }

  async #loadFor(durationMs: number): Promise<void> {
    for (const end = Date.now() + durationMs; Date.now() < end; await wait(TICK_MS)) this.#lines.write(LINES_PER_TICK);
  }

  async #pause(program: ChildProgram | undefined, durationMs: number): Promise<void> {
    program?.kill("SIGSTOP");
    await this.#loadFor(durationMs);
    program?.kill("SIGCONT");
  }

  async #fillDisk(durationMs: number): Promise<void> {
    const filler = join(this.#options.folder, "buffer", "filler");
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(256 * 1024), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
    await this.#loadFor(durationMs);
    rmSync(filler);
  }

  async #restartAgent(signal: NodeJS.Signals): Promise<void> {
    await this.#agent?.stop(signal);
    await this.#startAgent();
  }

  async #restartReceiver(signal: NodeJS.Signals, awayMs: number): Promise<void> {
    await this.#receiver?.stop(signal);
    await this.#loadFor(awayMs);
    await this.#startReceiver();
  }

  async #startAgent(): Promise<void> {
    this.#agent = await startSuiro(this.#agentConfig);
  }

  async #startReceiver(): Promise<void> {
    const start = this.#options.receiver === "suiro" ? startSuiro : startFluentd;
    this.#receiver = await start(this.#receiverConfig);
  }
}

function agentConfiguration(
  port: number,
  receiverPort: number,
  folder: string,
  buffer: string,
  ackAfter: string,
): string {
  return `
<system>
  shutdown_timeout 5
</system>
<source>
  @type forward
  port ${port}
  bind 127.0.0.1
  ack_after ${ackAfter}
</source>
<source>
  @type tail
  path ${folder}/in.log
  pos_file ${folder}/in.pos
  tag tailed
  read_from_head true
  refresh_interval 1s
  <parse>
    @type json
  </parse>
</source>
<label @FLUENT_LOG>
  <match **>
    @type null
  </match>
</label>
<match **>
  @type forward
  require_ack_response true
  ack_response_timeout 2s
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${buffer}
    flush_interval 0.2
    flush_thread_interval 0.05
    flush_thread_count 4
    chunk_limit_size 64k
    retry_wait 0.1
    retry_max_interval 0.5
    retry_forever true
  </buffer>
</match>
`;
}

/** Keeps what it gets: nobody listens where it would send it. */
function receiverConfiguration(port: number, buffer: string): string {
  return `
<source>
  @type forward
  port ${port}
  bind 127.0.0.1
</source>
<label @FLUENT_LOG>
  <match **>
    @type null
  </match>
</label>
<match **>
  @type forward
  heartbeat_type none
  <server>
    host 127.0.0.1
    port 1
  </server>
  <buffer tag>
    @type file
    path ${buffer}
    flush_mode interval
    flush_interval 1d
    flush_at_shutdown false
    retry_forever true
  </buffer>
</match>
`;
}
