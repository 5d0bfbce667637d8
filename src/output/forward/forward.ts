/**
 * `@type forward`: delivers chunks to other fluentd, Fluent Bit or Suiro over the Forward protocol.
 *
 * Every available node is tried once for a chunk, beginning where the load balancer stands; when none takes it, the
 * buffer's retry waits and comes again. (fluentd goes through all slots of its weight array, and so knocks six times in
 * a row at a single server that is down.) A chunk whose ack is missing is not sent to another node at once: it goes back
 * to the buffer, which sends it again under the same id.
 * Source: fluentd 1.18 and 1.19 out_forward.rb; COMPAT 3.
 */

import { StoppingError, NetworkError, SuiroError, AckError, ConfigError, UnrecoverableError, errorMessage } from "../../errors.ts";
import type { Chunk } from "../../buffer/chunk.ts";
import type { EventStream } from "../../event/event-stream.ts";
import type { BufferedOutputDefinition, ChunkWriter, Delivery, PluginContext } from "../../plugin.ts";
import { chunkBody } from "./chunk-body.ts";
import { checkForwardConfig, nodeSettings } from "./forward-settings.ts";
import { type ForwardConfig, forwardTable } from "./forward-parameters.ts";
import { Heartbeat } from "./heartbeat.ts";
import { withIntegerTimes } from "./integer-time.ts";
import { LoadBalancer } from "./load-balancer.ts";
import { ForwardNode, type NodeSettings } from "./node.ts";
import { NodeList } from "./node-list.ts";
import { createServiceDiscovery, type ServiceDiscovery, ServiceDiscoveryStatic } from "./service-discovery.ts";

const NO_NODE = "forward output plugin requires at least one node is required. Add <server> or <service_discovery>";

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
  readonly #inFlight = new Set<Promise<void>>();

  constructor(
    config: ForwardConfig,
    context: PluginContext,
    settings: NodeSettings,
    discoveries: readonly ServiceDiscovery[],
  ) {
    this.#config = config;
    this.#context = context;
    this.#discoveries = discoveries;
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
  }

  async write(chunk: Chunk, delivery: Delivery): Promise<void> {
    if (chunk.byteSize === 0) return;
    const { tag } = chunk.metadata;
    if (tag === undefined) throw new UnrecoverableError("a chunk without tag: buffer chunk key must include 'tag' for forward output");
    const chunkId = this.#config.requireAckResponse ? chunk.id : undefined;
    const message = { tag, size: chunk.size, chunkId, ...(await chunkBody(chunk, this.#config.compress)) };
    let failure: Error = new NetworkError("no nodes are available");
    for (const node of this.#balancer.candidates()) {
      if (delivery.signal.aborted) throw new StoppingError("gave up sending: stopping");
      try {
        return await untilAborted(node.deliver(message, delivery), delivery.signal);
      } catch (error) {
        if (isFinal(error)) throw error;
        failure = error as Error;
        this.#context.logger.debug("failed to send a chunk; trying the next node", { node: node.name, error });
      }
    }
    throw failure;
  }

  async stop(deadline: AbortSignal): Promise<void> {
  }
}
