/**
 * Where the receivers come from: `<server>` sections and any number of `<service_discovery>`.
 * Source: fluentd 1.18 plugin_helper/service_discovery.rb, sd_static.rb.
 */

import type { Clock } from "../../clock.ts";
import type { ConfigElement } from "../../config/element.ts";
import { many, readSectionOrThrow, section } from "../../config/parameters.ts";
import { ConfigError, errorMessage } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { type ServerConfig, serverTable } from "./forward-parameters.ts";
import { checkService, type Service, serviceOf } from "./service.ts";
import { fileDiscoveryTable, ServiceDiscoveryFile } from "./service-discovery-file.ts";
import { ServiceDiscoverySrv, srvDiscoveryTable } from "./service-discovery-srv.ts";

export interface ServiceDiscovery {
  /**
   * Gives the services that there are now, and from then on calls `onChange` with the whole list whenever it changed.
   * Rejects when the list cannot be had at first; later failures are logged, and the last good list counts.
   */
  start(onChange: (services: readonly Service[]) => void): Promise<readonly Service[]>;
  stop(): Promise<void>;
}

export interface DiscoveryContext {
  readonly clock: Clock;
  readonly logger: Logger;
}

const staticDiscoveryTable = section({}, { service: many(serverTable) });

/** Reads `<service_discovery>`. Throws ConfigError. */
export function createServiceDiscovery(element: ConfigElement, context: DiscoveryContext): ServiceDiscovery {
  const type = element.text("@type");
  switch (type) {
    case "static":
      return new ServiceDiscoveryStatic(readSectionOrThrow(staticDiscoveryTable, element).service);
    case "file":
      return new ServiceDiscoveryFile(readSectionOrThrow(fileDiscoveryTable, element), context);
    case "srv":
      return new ServiceDiscoverySrv(readSectionOrThrow(srvDiscoveryTable, element), context);
    default:
      throw new ConfigError(
        type === undefined
          ? "<service_discovery> needs @type static, file or srv"
          : `Unknown service discovery plugin '${type}'; there are static, file and srv`,
        element.position,
      );
  }
}

/** The receivers of the configuration itself. Throws ConfigError for a port or weight out of range. */
export class ServiceDiscoveryStatic implements ServiceDiscovery {
  readonly #services: readonly Service[];

  constructor(servers: readonly ServerConfig[]) {
    this.#services = servers.map((server) => {
      const service = serviceOf(server);
      try {
        checkService(service);
      } catch (error) {
        throw new ConfigError(`${server.element.title}: ${errorMessage(error)}`, server.element.position);
      }
      return service;
    });
  }

  get isEmpty(): boolean {
    return this.#services.length === 0;
  }

  async start(): Promise<readonly Service[]> {
    return this.#services;
  }

  async stop(): Promise<void> {}
}
