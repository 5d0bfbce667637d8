/** A receiver as configuration or service discovery names it. */

import { errorMessage } from "../../errors.ts";
import type { ServerConfig } from "./forward-parameters.ts";

export interface Service {
  readonly host: string;
  readonly port: number;
  readonly name: string | undefined;
  readonly weight: number;
  readonly standby: boolean;
  readonly username: string;
  readonly password: string;
  readonly sharedKey: string | undefined;
}

/** Weights only count relative to each other; each unit may cost a slot of the balancer. */
const MAX_WEIGHT = 10_000;

/** Equal for equal services: one that changed in anything is another one. */
export function serviceKey(service: Service): string {
  const { host, port, name, weight, standby, username, password, sharedKey } = service;
  return JSON.stringify([host, port, name, weight, standby, username, password, sharedKey]);
}

/** Throws Error with the reason. */
export function checkService({ host, port, weight }: Pick<Service, "host" | "port" | "weight">): void {
  if (host === "") throw new Error("host is empty");
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`port ${port} is not between 1 and 65535`);
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw new Error(`weight ${weight} is not between 0 and ${MAX_WEIGHT}; weights count relative to each other`);
  }
}

export function serviceOf(config: ServerConfig): Service {
  const { host, port, name, weight, standby, username, password, sharedKey } = config;
  return { host, port, name, weight, standby, username, password, sharedKey };
}

/**
 * A service from a list in a file: `host` and `port` are required, the rest has the defaults of `<server>`.
 * Throws Error with the reason.
 */
export function serviceFromItem(item: unknown, index: number): Service {
  const fields = typeof item === "object" && item !== null ? (item as Record<string, unknown>) : {};
  const { host, port, name, weight = 60, standby = false, username = "", password = "", shared_key } = fields;
  if (host === undefined || port === undefined)
    throw new Error(`item ${index + 1}: Service must have \`host\` and \`port\``);
  const optionalText = (value: unknown) => (value === undefined || value === null ? undefined : String(value));
  const service: Service = {
    host: String(host),
    port: Number(port),
    name: optionalText(name),
    weight: Number(weight),
    standby: standby === true,
    username: optionalText(username) ?? "",
    password: optionalText(password) ?? "",
    sharedKey: optionalText(shared_key),
  };
  try {
    checkService(service);
  } catch (error) {
    throw new Error(`item ${index + 1}: ${errorMessage(error)}`);
  }
  return service;
}
