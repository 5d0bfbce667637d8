/** What out_forward's parameters mean together: checks that one alone cannot show, and the settings of its nodes. */

import { isCompressionAvailable } from "../../buffer/compression.ts";
import type { Clock } from "../../clock.ts";
import { ConfigError } from "../../errors.ts";
import { SharedKeys } from "../../forward-protocol/shared-keys.ts";
import { createTcpConnector } from "../../forward-protocol/tcp-connector.ts";
import type { Logger } from "../../logger.ts";
import { createTlsConnector } from "../../tls/client.ts";
import type { ForwardConfig } from "./forward-parameters.ts";
import type { NodeSettings } from "./node.ts";

/** Throws ConfigError; warns of what has no effect. */
export function checkForwardConfig(config: ForwardConfig, logger: Logger): void {
  const refuse = (key: string, message: string): never => {
    throw new ConfigError(message, config.element.parameter(key)?.position ?? config.element.position);
  };
  for (const key of ["host", "port"] as const) {
    if (config[key] !== undefined) refuse(key, `'${key}' parameter is already removed: Use <server> section instead.`);
  }
  if (config.heartbeatType === "tcp") logger.warn("'heartbeat_type tcp' is deprecated. use 'transport' instead.");
  if (config.dnsRoundRobin && config.heartbeatType === "udp") {
    const allowed = "heartbeat type must be 'transport' or 'none' to use dns_round_robin option";
    refuse("dns_round_robin", `forward output ${allowed}`);
  }
  if (config.ackResponseTimeout < 1) refuse("ack_response_timeout", "ack_response_timeout must be a positive integer");
  for (const key of ["heartbeat_interval", "send_timeout", "hard_timeout"] as const) {
    const value = {
      heartbeat_interval: config.heartbeatInterval,
      send_timeout: config.sendTimeout,
      hard_timeout: config.hardTimeout,
    }[key];
    if (!(value > 0)) refuse(key, `${key} must be more than 0 seconds`);
  }
  if (config.compress !== "text" && !isCompressionAvailable(config.compress)) {
    const version = process.versions.node;
    refuse("compress", `compress zstd needs Node.js 22.15 or newer, and this is ${version}; use gzip`);
  }
  if (config.transport === "tls" && config.tlsInsecureMode) logger.warn("TLS transport is configured in insecure way");
  const proves = config.server.some(({ sharedKey, username }) => sharedKey !== undefined || username !== "");
  if (proves && !config.security) {
    logger.warn("'shared_key' and 'username' of <server> have no effect without <security>: nothing is authenticated");
  }
  if (config.keepalive) return;
  const advice = "if you want to use keepalive, please add `keepalive true` to your conf.";
  if (config.keepaliveTimeout !== undefined) logger.warn(`The value of keepalive_timeout is ignored. ${advice}`);
  if (config.sendKeepalivePacket) logger.warn(`The value of send_keepalive_packet is ignored. ${advice}`);
}

function sharedKeysOf({ sharedKey, sharedKeyPath, element }: NonNullable<ForwardConfig["security"]>): SharedKeys {
  const given = element.parameter(sharedKeyPath === undefined ? "shared_key" : "shared_key_path");
  return new SharedKeys(sharedKey, sharedKeyPath, given?.position ?? element.position);
}

/** Reads certificates where the transport is TLS. Throws ConfigError. */
export function nodeSettings(config: ForwardConfig, clock: Clock): NodeSettings {
  const { security } = config;
  return {
    connector:
      config.transport === "tls"
        ? createTlsConnector(config, config.element.position, clock)
        : createTcpConnector(clock),
    security: security && { selfHostname: security.selfHostname, sharedKeys: sharedKeysOf(security) },
    connectTimeoutMs: (config.connectTimeout ?? config.hardTimeout) * 1000,
    handshakeTimeoutMs: config.hardTimeout * 1000,
    sendTimeoutMs: config.sendTimeout * 1000,
    ackTimeoutMs: config.ackResponseTimeout * 1000,
    keepalive: config.keepalive,
    keepaliveTimeoutMs: config.keepaliveTimeout === undefined ? undefined : config.keepaliveTimeout * 1000,
    sendKeepalivePacket: config.keepalive && config.sendKeepalivePacket,
    expireDnsSeconds: config.expireDnsCache,
    dnsRoundRobin: config.dnsRoundRobin,
    isWatched: config.heartbeatType !== "none",
    heartbeatIntervalSeconds: config.heartbeatInterval,
    hardTimeoutSeconds: config.hardTimeout,
    recoverSampleSize: config.recoverWait / config.heartbeatInterval,
    phiThreshold: config.phiFailureDetector ? config.phiThreshold : Number.POSITIVE_INFINITY,
  };
}
