/** `<security>`: from configuration to the policy that connections are judged by. */

import { lookup } from "node:dns/promises";
import type { BlockList } from "node:net";
import { ConfigError, errorMessage } from "../../errors.ts";
import { parseNetwork, type SecurityPolicy } from "../../forward-protocol/authenticator.ts";
import { SharedKeys } from "../../forward-protocol/shared-keys.ts";
import type { SecurityConfig } from "./parameters.ts";

/** Finds what is wrong with the section without asking the network. Throws ConfigError with fluentd's texts. */
export function checkSecurity(security: SecurityConfig): void {
  const { position } = security.element;
  sharedKeysOf(security);
  if (security.userAuth && security.user.length === 0) {
    throw new ConfigError("<user> sections required if user_auth enabled", position);
  }
  if (!security.allowAnonymousSource && security.client.length === 0) {
    throw new ConfigError("<client> sections required if allow_anonymous_source disabled", position);
  }
  for (const { host, network, sharedKey, element } of security.client) {
    if (sharedKey === "") {
      throw new ConfigError("'shared_key' must not be empty: everybody would know it", element.position);
    }
    if (host !== undefined && network !== undefined) {
      throw new ConfigError("both of 'host' and 'network' are specified for client", element.position);
    }
    if (host === undefined && network === undefined) {
      throw new ConfigError("Either of 'host' and 'network' must be specified for client", element.position);
    }
    if (network !== undefined && !parseNetwork(network)) {
      throw new ConfigError(`network '${network}' address format is invalid`, element.position);
    }
  }
}

/** The keys of the section. Throws ConfigError. */
export function sharedKeysOf({ sharedKey, sharedKeyPath, element }: SecurityConfig): SharedKeys {
  const given = element.parameter(sharedKeyPath === undefined ? "shared_key" : "shared_key_path");
  return new SharedKeys(sharedKey, sharedKeyPath, given?.position ?? element.position);
}

/** Resolves the hosts of `<client>`, once. Rejects with ConfigError. */
export async function createSecurityPolicy(security: SecurityConfig, sharedKeys: SharedKeys): Promise<SecurityPolicy> {
  const clients = security.client.map(async ({ host, network, sharedKey, users, element }) => ({
    addresses: network === undefined ? await hostAddress(host as string, element.position) : parsed(network),
    sharedKey,
    users,
  }));
  return {
    selfHostname: security.selfHostname,
    sharedKeys,
    userAuth: security.userAuth,
    allowAnonymousSource: security.allowAnonymousSource,
    users: security.user,
    clients: await Promise.all(clients),
  };
}

async function hostAddress(host: string, position: ConfigError["position"]): Promise<BlockList> {
  try {
    return parsed((await lookup(host)).address);
  } catch (cause) {
    const message = `host '${host}' cannot be resolved (${errorMessage(cause)}); write an address or a network`;
    throw new ConfigError(message, position, { cause });
  }
}

function parsed(network: string): BlockList {
  return parseNetwork(network) as BlockList;
}
