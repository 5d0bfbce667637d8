import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { decodeRaw, encode } from "../../src/event/msgpack.ts";
import { INCOMPLETE, skipValue } from "../../src/event/walker.ts";

const home = process.env.SUIRO_TEST_FLUENTD;

/** For `{ skip }` of a test: the reason why fluentd is not here, or false. */
export const withoutFluentd: string | false = home ? false : (process.env.SUIRO_TEST_NO_FLUENTD ?? "no fluentd");

/** The real fluentd as one process. */
export class FluentdProcess {
  readonly #child: ChildProcess;
  log = "";
  #onChange = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text) => {
        this.log += text;
        this.#onChange();
      });
    }
    child.on("exit", () => this.#onChange());
  }

  /** Starts it with this configuration and waits until it runs. */
  static async start(context: TestContext, folder: string, config: string): Promise<FluentdProcess> {
    const file = join(folder, "fluent.conf");
    writeFileSync(file, config);
    const gems = home as string;
    const child = spawn(join(gems, "bin", "fluentd"), ["-c", file, "--no-supervisor", "-p", folder], {
      env: { ...process.env, GEM_HOME: gems, GEM_PATH: gems, FLUENT_BACKUP_DIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const fluentd = new FluentdProcess(child);
    context.after(() => fluentd.end("SIGKILL"));
    await fluentd.until("fluentd worker is now running");
    return fluentd;
  }

  /** Waits until the log has this text. */
  async until(text: string): Promise<void> {
    while (!this.log.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`fluentd ended:\n${this.log}`);
      await new Promise<void>((resolve) => (this.#onChange = resolve));
    }
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }
}

/** Sends one event to a Forward server and waits for its ack. */
export async function sendWithAck(port: number, tag: string, record: object): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write(encode([tag, 1700000000, record, { chunk: "c" }]));
  await once(socket, "data");
  socket.destroy();
}

/** A Forward server that only keeps: the tag and the entries of each message. */
export class Collector {
  readonly messages: { tag: string; entries: Buffer; option: Record<string, unknown> }[] = [];
  readonly #server: Server;
  #onMessage = () => {};

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(context: TestContext): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.on("connection", (socket) => {
      let rest: Buffer = Buffer.alloc(0);
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        rest = collector.#take(Buffer.concat([rest, bytes]));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => server.close());
    return collector;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Waits until `isEnough` holds. */
  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise<void>((resolve) => (this.#onMessage = resolve));
  }

  #take(bytes: Buffer): Buffer {
    let position = 0;
    for (;;) {
      const end = skipValue(bytes, position, bytes.length);
      if (position === bytes.length || end === INCOMPLETE) return bytes.subarray(position);
      const [tag, entries, option] = decodeRaw(bytes.subarray(position, end)) as [
        Buffer,
        Buffer,
        Record<string, unknown>,
      ];
      this.messages.push({ tag: Buffer.from(tag).toString(), entries: Buffer.from(entries), option });
      this.#onMessage();
      position = end;
    }
  }
}

/** A port on which nothing listens, for now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
