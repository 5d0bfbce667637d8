/**
 * `@type forward`: delivers chunks to other fluentd, Fluent Bit or Suiro over the Forward protocol.
 *
 * Every available node is tried once for a chunk, beginning where the load balancer stands; when none takes it, the
 * buffer's retry waits and comes again. (fluentd goes through all slots of its weight array, and so knocks six times in
 * a row at a single server that is down.) A chunk whose ack is missing is not sent to another node at once: it goes back
 * to the buffer, which sends it again under the same id.
 * Source: fluentd 1.18 and 1.19 out_forward.rb; COMPAT 3.
 */

import { BlockMemory } from "../../buffer/block-memory.ts";
import type { Chunk } from "../../buffer/chunk.ts";
import type { CancelTimer } from "../../clock.ts";
import {
  ConfigError,
  type ErrorCode,
  errorMessage,
  NetworkError,
  StoppingError,
  SuiroError,
  UnrecoverableError,
} from "../../errors.ts";
import type { EventStream } from "../../event/event-stream.ts";
import { reloadOnChange } from "../../file-reload.ts";
import type { BufferedOutputDefinition, ChunkWriter, Delivery, PluginContext, PluginReport } from "../../plugin.ts";
import { chunkBody } from "./chunk-body.ts";
import { type ForwardConfig, forwardTable } from "./forward-parameters.ts";
import { checkForwardConfig, nodeSettings } from "./forward-settings.ts";
import { Heartbeat } from "./heartbeat.ts";
import { withIntegerTimes } from "./integer-time.ts";
import { LoadBalancer } from "./load-balancer.ts";
import { ForwardNode, type NodeSettings } from "./node.ts";
import { NodeList } from "./node-list.ts";
import { createServiceDiscovery, type ServiceDiscovery, ServiceDiscoveryStatic } from "./service-discovery.ts";

const NO_NODE = "forward output plugin requires at least one node is required. Add <server> or <service_discovery>";
const NO_TAG = "a chunk without tag: buffer chunk key must include 'tag' for forward output";

export const forwardOutput: BufferedOutputDefinition<ForwardConfig> = {
  kind: "buffered-output",
  type: "forward",
  table: forwardTable,
  buffer: { chunkKeys: ["tag"], type: "memory", requiresTag: true },
  defaultCompression: (config) => config.compress,
  createWriter(config, context) {
    checkForwardConfig(config, context.logger);
    const servers = new ServiceDiscoveryStatic(config.server);
    const discoveries = config.serviceDiscovery.map((element) => createServiceDiscovery(element, context));
    if (servers.isEmpty && discoveries.length === 0) throw new ConfigError(NO_NODE, config.element.position);
    return new ForwardWriter(config, context, nodeSettings(config, context.clock), [servers, ...discoveries]);
  },
};

export class ForwardWriter implements ChunkWriter {
  readonly format?: (tag: string, events: EventStream) => Buffer;
  readonly #config: ForwardConfig;
  readonly #context: PluginContext;
  readonly #discoveries: readonly ServiceDiscovery[];
  readonly #balancer: LoadBalancer<ForwardNode>;
  readonly #list: NodeList;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #settings: NodeSettings;
  #reloads: readonly { stop: CancelTimer }[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  /** Of chunks that are read from disk. */
  readonly #memory = new BlockMemory();

  constructor(
    config: ForwardConfig,
    context: PluginContext,
    settings: NodeSettings,
    discoveries: readonly ServiceDiscovery[],
  ) {
    this.#config = config;
    this.#context = context;
    this.#discoveries = discoveries;
    this.#settings = settings;
    if (config.timeAsInteger) this.format = (_tag, events) => withIntegerTimes(events);
    const { logger, clock, counters } = context;
    this.#balancer = new LoadBalancer(logger);
    const nodeContext = { logger, clock, counters, onAvailabilityChange: () => this.#list.rebalance() };
    this.#list = new NodeList((service) => new ForwardNode(service, settings, nodeContext), this.#balancer, logger);
    this.#heartbeat = this.#createHeartbeat();
  }

  /** Every receiver that is known, whether available or not. */
  get nodes(): readonly ForwardNode[] {
    return this.#list.nodes;
  }

  report(): PluginReport {
    return { nodes: this.nodes.map((node) => node.report()) };
  }

  /** Rejects with ConfigError when a name does not resolve, no receiver is known, or one cannot be reached as asked. */
  async start(): Promise<void> {
    for (const discovery of this.#discoveries) {
      const services = await discovery.start((changed) => this.#list.replace(discovery, changed));
      this.#list.add(discovery, services);
    }
    if (this.nodes.length === 0) throw new ConfigError(NO_NODE, this.#config.element.position);
    if (this.#config.heartbeatType !== "none") await this.#resolveAll();
    if (this.#config.verifyConnectionAtStartup) await this.#verifyAll();
    this.#heartbeat?.start();
    this.#reloads = this.#watchFiles();
  }

  async write(chunk: Chunk, delivery: Delivery): Promise<void> {
    if (chunk.byteSize === 0) return;
    const { tag } = chunk.metadata;
    if (tag === undefined) throw new UnrecoverableError(NO_TAG);
    const work = this.#deliver(chunk, tag, delivery);
    this.#inFlight.add(work);
    try {
      await untilAborted(work, delivery.signal);
    } finally {
      this.#inFlight.delete(work);
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#heartbeat?.stop();
    for (const reload of this.#reloads) reload.stop();
    await Promise.all(this.#discoveries.map((discovery) => discovery.stop()));
    for (const node of this.nodes) node.close();
    await untilAborted(Promise.allSettled([...this.#inFlight]), deadline).catch(() => {});
    for (const node of this.nodes) node.destroy();
  }

  async #deliver(chunk: Chunk, tag: string, delivery: Delivery): Promise<void> {
    const { requireAckResponse, compress } = this.#config;
    const body = await chunkBody(chunk, compress, this.#memory);
    const message = { ...body, tag, size: chunk.size, chunkId: requireAckResponse ? chunk.id : undefined };
    let failure: unknown;
    for (const node of this.#balancer.candidates()) {
      if (delivery.signal.aborted) break;
      try {
        return await node.deliver(message, delivery);
      } catch (error) {
        if (isFinal(error)) throw error;
        failure = error;
        this.#context.logger.debug("cannot send a chunk to this node", { node: node.name, error });
      }
    }
    throw failure ?? this.#noNodes();
  }

  /** Each node with its reason: the log may have turned since a node went down. */
  #noNodes(): NetworkError {
    const reasons = this.nodes.map(({ name, downReason }) => `${name}: ${downReason ?? "standing by"}`);
    return new NetworkError(`no nodes are available (${reasons.join("; ")})`);
  }

  #createHeartbeat(): Heartbeat | undefined {
    const { heartbeatType, heartbeatInterval } = this.#config;
    if (heartbeatType === "none") return undefined;
    const { clock, logger } = this.#context;
    const type = heartbeatType === "udp" ? "udp" : "transport";
    return new Heartbeat({ type, intervalMs: heartbeatInterval * 1000, clock, logger, nodes: () => this.nodes });
  }

  /** Certificates and keys are read again when their files change. */
  #watchFiles() {
    const { clock, logger } = this.#context;
    const { connector, security } = this.#settings;
    const keys = security?.sharedKeys;
    return [
      { paths: connector.paths ?? [], what: "certificates", reload: () => connector.reload?.() },
      { paths: keys?.path === undefined ? [] : [keys.path], what: "shared keys", reload: () => keys?.reload() },
    ].map((files) => reloadOnChange({ ...files, clock, logger }));
  }

  async #resolveAll(): Promise<void> {
    for (const node of this.nodes) {
      try {
        await node.resolver.addresses();
      } catch (error) {
        if (!this.#config.ignoreNetworkErrorsAtStartup) {
          const remedy = "correct the host, or set ignore_network_errors_at_startup true";
          throw new ConfigError(`${errorMessage(error)}; ${remedy}`, this.#config.element.position, { cause: error });
        }
        this.#context.logger.warn("failed to resolve node name when configured", { server: node.name, error });
        node.disable(errorMessage(error));
      }
    }
  }

  async #verifyAll(): Promise<void> {
    for (const node of this.nodes) {
      try {
        await node.probe();
      } catch (error) {
        const message = `forward's connection setting error: ${errorMessage(error)}`;
        this.#context.logger.fatal(message);
        throw new ConfigError(message, this.#config.element.position, { cause: error });
      }
    }
  }
}

/** What another node would not mend: the receiver may have the chunk, or the chunk cannot be read. */
function isFinal(error: unknown): boolean {
  return error instanceof SuiroError && FINAL.has(error.code);
}

const FINAL: ReadonlySet<ErrorCode> = new Set(["ACK", "BUFFER_IO", "CHUNK_BROKEN", "UNRECOVERABLE", "STOPPING"]);

/** Rejects with StoppingError when `signal` aborts first; the work ends by itself then. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new StoppingError("gave up sending: stopping"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
