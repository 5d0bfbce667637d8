/**
 * The nodes of an output, kept as service discovery says: new ones join first, so that there is always one, then those
 * that left are drained. Source: fluentd 1.18 plugin_helper/service_discovery/manager.rb.
 */

import type { Logger } from "../../logger.ts";
import type { LoadBalancer } from "./load-balancer.ts";
import type { ForwardNode } from "./node.ts";
import { type Service, serviceKey } from "./service.ts";

export class NodeList {
  readonly #nodes = new Map<string, ForwardNode>();
  /** By source: a source replaces its own services only. */
  readonly #services = new Map<unknown, readonly Service[]>();
  readonly #build: (service: Service) => ForwardNode;
  readonly #balancer: LoadBalancer<ForwardNode>;
  readonly #logger: Logger;

  constructor(build: (service: Service) => ForwardNode, balancer: LoadBalancer<ForwardNode>, logger: Logger) {
    this.#build = build;
    this.#balancer = balancer;
    this.#logger = logger;
  }

  get nodes(): readonly ForwardNode[] {
    return [...this.#nodes.values()];
  }

  /** The whole list of one source, for the first time. */
  add(source: unknown, services: readonly Service[]): void {
    this.#services.set(source, services);
    for (const service of services) this.#join(service);
    this.rebalance();
  }

  /** The whole list of one source, which has changed. */
  replace(source: unknown, services: readonly Service[]): void {
    this.#services.set(source, services);
    for (const service of services) {
      if (this.#join(service)) this.#logger.info(`Service in: ${serviceText(service)}`);
    }
    const wanted = new Set([...this.#services.values()].flat().map(serviceKey));
    for (const [key, node] of this.#nodes) {
      if (wanted.has(key)) continue;
      this.#nodes.delete(key);
      node.close();
      this.#logger.info(`Service out: ${serviceText(node)}`);
    }
    this.rebalance();
  }

  rebalance(): void {
    this.#balancer.rebalance(this.nodes);
  }

  #join(service: Service): boolean {
    const key = serviceKey(service);
    if (this.#nodes.has(key)) return false;
    this.#nodes.set(key, this.#build(service));
    return true;
  }
}

function serviceText({ name, host, port }: Pick<Service, "name" | "host" | "port">): string {
  return `name=${name ?? ""} ${host}:${port}`;
}
