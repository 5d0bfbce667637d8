/** The parameters of out_forward. Source: fluentd 1.18 and 1.19 out_forward.rb; COMPAT 3.1. */

import { bool, enumeration, float, integer, size, string, time } from "../../config/literals.ts";
import { type ConfigOf, many, optional, raw, section } from "../../config/parameters.ts";
import { tlsClientParameters } from "../../tls/client.ts";
import { bufferedParameters, bufferedSections } from "../buffered-output-parameters.ts";

/** Where fluentd's in_forward listens. */
export const DEFAULT_PORT = 24224;

/** `<server>` under the output, and `<service>` under `<service_discovery> @type static`. */
export const serverTable = section({
  host: string.required("Address or name of the receiver."),
  name: string.optional("Name for logs, and for the certificate where host is an address."),
  port: integer.default("Port of the receiver.", DEFAULT_PORT),
  shared_key: string.optional("Overrides the shared_key of <security>.", { secret: true }),
  username: string.default("User to be.", ""),
  password: string.default("The user's password.", "", { secret: true }),
  standby: bool.default("Gets chunks only for the weight of receivers that are down.", false),
  weight: integer.default("Share of the chunks, relative to the others; 0 is none.", 60),
});

const securityTable = section({
  self_hostname: string.required("Name of this side; must differ from the receiver's."),
  shared_key: string.optional("The key that both sides know; required unless shared_key_path is given.", {
    secret: true,
  }),
  shared_key_path: string.optional("Suiro's own. File whose first line is the key; it is read again when it changes."),
});

const connectionParameters = {
  transport: enumeration("tcp", "tls").default("Plain TCP or TLS.", "tcp"),
  send_timeout: time.default("Seconds in which the receiver must take some bytes.", 60),
  connect_timeout: time.optional("Seconds to connect in, TLS included. Without it hard_timeout."),
  keepalive: bool.default("Keep connections, and send several chunks on each.", false),
  keepalive_timeout: time.optional("Seconds after which an idle connection is closed. Without it never."),
  send_keepalive_packet: bool.default("Let the kernel probe kept connections.", false),
  expire_dns_cache: time.optional("Seconds an address is kept; 0 is not at all. Without it until a connection fails."),
  dns_round_robin: bool.default("Begin with a random address of the name each time.", false),
  ignore_network_errors_at_startup: bool.default("Start although a name does not resolve.", false),
  verify_connection_at_startup: bool.default("Start only when every receiver can be reached and trusted.", false),
};

const heartbeatParameters = {
  heartbeat_type: enumeration("transport", "tcp", "udp", "none").default(
    "How receivers are watched: by connecting, by datagrams, or not at all.",
    "transport",
  ),
  heartbeat_interval: time.default("Seconds between heartbeats.", 1),
  recover_wait: time.default("Seconds of good heartbeats after which a receiver is used again.", 10),
  hard_timeout: time.default("Seconds of silence after which a receiver is down; also limits a handshake.", 60),
  phi_threshold: float.default("How sure the detector must be that a receiver is down.", 16),
  phi_failure_detector: bool.default("Use the phi accrual failure detector.", true),
};

const deliveryParameters = {
  require_ack_response: bool.default("Keep a chunk until the receiver acknowledges it.", false),
  ack_response_timeout: time.default("Seconds to wait for an ack.", 190),
  compress: enumeration("text", "gzip", "zstd").default("How chunks are compressed, in the buffer too.", "text"),
  time_as_integer: bool.default("Send times as whole seconds, for receivers older than v0.14.", false),
  read_interval_msec: integer.default("Accepted; answers are read when they come.", 50),
  read_length: size.default("Accepted; answers are limited to 4 KiB each.", 512),
};

export const forwardTable = section(
  {
    ...connectionParameters,
    ...heartbeatParameters,
    ...deliveryParameters,
    ...tlsClientParameters,
    ...bufferedParameters,
    host: string.optional("Removed in fluentd 1.0: use <server>."),
    port: string.optional("Removed in fluentd 1.0: use <server>."),
  },
  { ...bufferedSections, security: optional(securityTable), server: many(serverTable), service_discovery: raw },
);

export type ForwardConfig = ConfigOf<typeof forwardTable>;
export type ServerConfig = ConfigOf<typeof serverTable>;
