/** `<security>` of `tcp`: the clients that may send. Source: fluentd 1.18 in_tcp.rb. */

import { lookup } from "node:dns/promises";
import type { BlockList } from "node:net";
import { string } from "../../config/literals.ts";
import { type ConfigOf, many, section } from "../../config/parameters.ts";
import { ConfigError, errorMessage } from "../../errors.ts";
import { parseNetwork } from "../../forward-protocol/authenticator.ts";

const clientTable = section({
  host: string.optional("Address or name of the client; a name is resolved once, at start."),
  network: string.optional("Network of the clients, such as 10.0.0.0/8 or fd00::/8."),
});

export const clientsTable = section({}, { client: many(clientTable) });

export type ClientsConfig = ConfigOf<typeof clientsTable>;

/** Finds what is wrong without asking the network. Throws ConfigError with fluentd's texts. */
export function checkClients({ client, element }: ClientsConfig): void {
  if (client.length === 0) throw new ConfigError("<client> section is required.", element.position);
  for (const { host, network, element: given } of client) {
    if (host !== undefined && network !== undefined) {
      throw new ConfigError("both of 'host' and 'network' are specified for client", given.position);
    }
    if (host === undefined && network === undefined) {
      throw new ConfigError("Either of 'host' and 'network' must be specified for client", given.position);
    }
    if (network !== undefined && !parseNetwork(network)) {
      throw new ConfigError(`network '${network}' address format is invalid`, given.position);
    }
  }
}

/** Resolves the hosts, once. Rejects with ConfigError. */
export function clientNetworks({ client }: ClientsConfig): Promise<BlockList[]> {
  return Promise.all(
    client.map(async ({ host, network, element }) => {
      try {
        return parseNetwork(network ?? (await lookup(host as string)).address) as BlockList;
      } catch (cause) {
        const message = `host '${host}' cannot be resolved (${errorMessage(cause)}); write an address or a network`;
        throw new ConfigError(message, element.position, { cause });
      }
    }),
  );
}
