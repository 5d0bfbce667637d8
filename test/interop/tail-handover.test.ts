/** fluentd and Suiro follow the same files, one after the other, with one pos_file. */

import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { TestCertificates } from "../support/certificates.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { eventually } from "../support/eventually.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { startSuiro } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const skip = withoutFluentd;

test("fluentd, Suiro, fluentd on a node whose containers go on writing: every line once", {
  skip,
}, async (context) => {
  const node = await ContainerNode.start(context);
  const { receiver } = node;
  // What is rotated while nobody runs, or just before a stop, fluentd does not find.
  for (const [life, start] of [startFluentd, startSuiro, startFluentd].entries()) {
    const isLast = life === 2;
    const isSuiro = start === startSuiro;
    if (isSuiro) node.rotate(0);
    const agent = await start(node.config);
    context.after(() => agent.stop("SIGKILL"));
    // First comes what the one before left in its buffer.
    await receiver.start();
    await node.hasArrived();
    node.rotate(1);
    await node.hasArrived();
    if (isSuiro) for (const container of [2, 2, 3]) node.rotate(container);
    if (isSuiro) await node.hasArrived();
    if (isLast) await node.stopWriting();
    else {
      await receiver.stop();
      await eventually(() => node.hasBufferedChunks);
    }
    await agent.stop();
    assert.ok(isLast || node.hasBufferedChunks, "chunks are left for the next one");
  }
  assert.deepEqual(node.arrivedLines().sort(), node.written.sort());
});

test("the pos_file has fluentd's bytes: at first, after growth, with half a line, after rotation", {
  skip,
}, async (context) => {
  const contents: string[][] = [];
  for (const start of [startFluentd, startSuiro]) {
    const { folder, receiver, config } = await setUp(context, "rotate_wait 1");
    const seen: string[] = [];
    contents.push(seen);
    const path = (name: string) => join(folder, name);
    const look = () => {
      const names = ["x0.log", "x1.log"].filter((name) => existsSync(path(name)));
      const inodes = names.map((name) => statSync(path(name)).ino.toString(16).padStart(16, "0"));
      let text = readFileSync(path("pos"), "utf8").replaceAll(folder, "");
      for (const [index, inode] of inodes.entries()) text = text.replaceAll(inode, `inode${index}`);
      seen.push(text);
    };
    writeFileSync(path("x0.log"), "1\n2\n");
    const agent = await start(config);
    await receiver.waitFor((events) => events.length === 2);
    appendFileSync(path("x0.log"), "3\nhalf");
    await receiver.waitFor((events) => events.length === 3);
    await wait(50);
    look();
    renameSync(path("x0.log"), path("x0.log.1"));
    writeFileSync(path("x0.log"), "4\n");
    writeFileSync(path("x1.log"), "5\n");
    await receiver.waitFor((events) => events.filter(({ record }) => record.message !== "half").length === 5);
    await wait(4000);
    look();
    await agent.stop();
    look();
  }
  assert.deepEqual(contents[1], contents[0]);
});

const CONTAINERS = 4;

/** A node's /var/log with containers that write without a pause, and a receiver with TLS. */
class ContainerNode {
  readonly folder = temporaryFolder();
  readonly config = join(this.folder, "fluent.conf");
  readonly written: string[] = [];
  readonly receiver: CollectingReceiver;
  #rotations = 0;
  #seen = 0;
  readonly #arrived = new Set<string>();
  #writing: NodeJS.Timeout | undefined;

  private constructor(receiver: CollectingReceiver) {
    this.receiver = receiver;
  }

  static async start(context: TestContext): Promise<ContainerNode> {
    const certificates = await TestCertificates.create();
    context.after(() => certificates.remove());
    const { certificatePem: cert, privateKeyPem: key } = await certificates.server();
    const receiver = new CollectingReceiver({ cert, key });
    const node = new ContainerNode(receiver);
    context.after(() => clearInterval(node.#writing));
    context.after(() => receiver.stop());
    await receiver.start();
    await receiver.stop();
    mkdirSync(join(node.folder, "containers"));
    for (let container = 0; container < CONTAINERS; container++) {
      mkdirSync(join(node.folder, "pods", `shop_web-${container}_uid`, "app"), { recursive: true });
      const name = `web-${container}_shop_app-${"a".repeat(64)}.log`;
      symlinkSync(node.#log(container), join(node.folder, "containers", name));
      node.#write(container);
    }
    writeFileSync(node.config, containerConfig(node.folder, receiver.port, certificates.authorityPath));
    node.#writing = setInterval(() => {
      for (let container = 0; container < CONTAINERS; container++) node.#write(container);
    }, 10);
    return node;
  }

  /** As the kubelet does: the file gets a time behind its name, and a new one has its place. */
  rotate(container: number): void {
    const path = this.#log(container);
    renameSync(path, `${path}.20231114-${String(++this.#rotations).padStart(6, "0")}`);
    this.#write(container);
  }

  /** Resolves when all that is written by now has come. */
  async hasArrived(): Promise<void> {
    const wanted = this.written.length;
    let found = 0;
    await this.receiver.waitFor((events) => {
      for (; this.#seen < events.length; this.#seen++) this.#arrived.add(text(events[this.#seen]?.record.message));
      while (found < wanted && this.#arrived.has(this.written[found] as string)) found++;
      return found === wanted;
    });
  }

  get hasBufferedChunks(): boolean {
    const folder = join(this.folder, "buffer");
    return existsSync(folder) && readdirSync(folder).some((name) => /\.[bq][0-9a-f]{32}\.log$/.test(name));
  }

  /** Resolves when every line has come. */
  async stopWriting(): Promise<void> {
    clearInterval(this.#writing);
    await this.hasArrived();
  }

  /** Every line that came; those of a chunk that was sent again, since its ack was lost, once. */
  arrivedLines(): string[] {
    return this.receiver.distinctEvents.map(({ record }) => text(record.message));
  }

  #log(container: number): string {
    return join(this.folder, "pods", `shop_web-${container}_uid`, "app", "0.log");
  }

  #write(container: number): void {
    const line = `line ${this.written.length}`;
    appendFileSync(this.#log(container), `2023-11-14T22:13:20.123456789Z stdout F ${line}\n`);
    this.written.push(line);
  }
}

function containerConfig(folder: string, port: number, authority: string): string {
  return `
<source>
  @type tail
  @id in_tail_container_logs
  path ${folder}/containers/*.log
  pos_file ${folder}/fluentd-containers.log.pos
  tag "#{ENV['FLUENT_CONTAINER_TAIL_TAG'] || 'kubernetes.*'}"
  read_from_head true
  refresh_interval 1
  rotate_wait 1
  <parse>
    @type cri
  </parse>
</source>
<match kubernetes.**>
  @type forward
  transport tls
  tls_cert_path ${authority}
  require_ack_response true
  heartbeat_type none
  <server>
    name localhost
    host 127.0.0.1
    port ${port}
  </server>
  <buffer>
    @type file
    path ${folder}/buffer
    flush_interval 0.3
    retry_type periodic
    retry_wait 0.3
  </buffer>
</match>
`;
}

/** fluentd sends lines as bytes at times: what it reads has no encoding. */
function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}

async function setUp(context: TestContext, more = "") {
  const folder = temporaryFolder();
  const receiver = new CollectingReceiver();
  await receiver.start();
  context.after(() => receiver.stop());
  const config = join(folder, "agent.conf");
  writeFileSync(
    config,
    `
<source>
  @type tail
  path ${folder}/x*.log
  pos_file ${folder}/pos
  tag t.*
  read_from_head true
  refresh_interval 1
  ${more}
  <parse>
    @type none
  </parse>
</source>
<match t.**>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${receiver.port}
  </server>
  <buffer tag>
    @type file
    path ${folder}/buffer
    flush_mode immediate
  </buffer>
</match>
`,
  );
  return { folder, receiver, config };
}
