/** Receivers from SRV records of the DNS, asked again every `interval`. Source: fluentd 1.18 sd_srv.rb. */

import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { CancelTimer, Clock } from "../../clock.ts";
import { bool, integer, string } from "../../config/literals.ts";
import { type ConfigOf, section } from "../../config/parameters.ts";
import { ConfigError, errorMessage, NetworkError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Service } from "./service.ts";

/** Of an answer, at most so many receivers are used. */
const MAX_SERVICES = 256;

export const srvDiscoveryTable = section({
  service: string.required("Service without its underscore."),
  hostname: string.required("Domain that the records belong to."),
  proto: string.default("Protocol without its underscore.", "tcp"),
  dns_server_host: string.optional("Name server as address or address:port. Without it the system's."),
  interval: integer.default("Seconds between questions.", 60),
  dns_lookup: bool.default("Use the address of a record's target, not its name.", true),
  shared_key: string.optional("Overrides the shared_key of <security>.", { secret: true }),
  username: string.default("User to be.", ""),
  password: string.default("The user's password.", "", { secret: true }),
});

export type SrvDiscoveryConfig = ConfigOf<typeof srvDiscoveryTable>;

export class ServiceDiscoverySrv {
  readonly #config: SrvDiscoveryConfig;
  readonly #target: string;
  readonly #resolver = new Resolver({ timeout: 5000, tries: 2 });
  readonly #clock: Clock;
  readonly #logger: Logger;
  #cancel: CancelTimer = () => {};

  /** Throws ConfigError for a name server that is no address, and for an interval below 1. */
  constructor(config: SrvDiscoveryConfig, context: { clock: Clock; logger: Logger }) {
    this.#config = config;
    this.#clock = context.clock;
    this.#logger = context.logger;
    this.#target = `_${config.service}._${config.proto}.${config.hostname}`;
    const { dnsServerHost, interval, element } = config;
    if (interval < 1) throw new ConfigError("interval must be at least 1 second", element.position);
    try {
      if (dnsServerHost !== undefined) {
        this.#resolver.setServers([isIP(dnsServerHost) === 6 ? `[${dnsServerHost}]` : dnsServerHost]);
      }
    } catch (cause) {
      const message = `dns_server_host: ${dnsServerHost} is no address or address:port`;
      throw new ConfigError(message, element.position, { cause });
    }
  }

  /** Rejects with NetworkError when the records cannot be had. */
  async start(onChange: (services: readonly Service[]) => void): Promise<readonly Service[]> {
    const services = await this.#ask();
    this.#cancel = this.#clock.every(this.#config.interval * 1000, () => {
      this.#ask().then(
        (found) => found.length > 0 && onChange(found),
        (error) => this.#logger.error(errorMessage(error)),
      );
    });
    return services;
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#resolver.cancel();
  }

  async #ask(): Promise<Service[]> {
    const { dnsLookup, username, password, sharedKey } = this.#config;
    try {
      const records = await this.#resolver.resolveSrv(this.#target);
      records.sort((a, b) => a.priority - b.priority);
      return await Promise.all(
        records.slice(0, MAX_SERVICES).map(async ({ name, port, weight }) => {
          const host = dnsLookup ? await this.#address(name) : name;
          return { host, port, name, weight, standby: false, username, password, sharedKey };
        }),
      );
    } catch (cause) {
      throw new NetworkError(`sd_srv: ${this.#target}: ${errorMessage(cause)}`, { cause });
    }
  }

  async #address(name: string): Promise<string> {
    const [address] = await this.#resolver.resolve4(name).catch(() => this.#resolver.resolve6(name));
    return address as string;
  }
}
