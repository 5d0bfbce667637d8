/**
 * `<transport tcp|tls>`: the listening side of every input that serves connections.
 * Source: fluentd 1.18 plugin_helper/server.rb and cert_option.rb; COMPAT 2.1.
 */

import { getFips } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../clock.ts";
import { bool, integer, size, string, time } from "../config/literals.ts";
import { type ConfigOf, refused, section } from "../config/parameters.ts";
import { ConfigError, errorMessage, NetworkError, TlsError } from "../errors.ts";
import { reloadOnChange } from "../file-reload.ts";
import type { Logger } from "../logger.ts";
import { explainTlsFailure } from "./handshake-failure.ts";
import { type ListenAddress, listeningSockets } from "./listening-sockets.ts";
import { lowestTlsVersion, protocolOptions, tlsVersion } from "./protocol-versions.ts";
import { certificatePaths, checkServerIdentity, clientAuthorities, serverIdentity } from "./server-identity.ts";
import { withSharedReads } from "./shared-reads.ts";

export const transportTable = section({
  version: tlsVersion.optional("The one TLS version to speak. Without it TLS 1.2 and 1.3."),
  min_version: lowestTlsVersion.optional(
    "The lowest TLS version to speak; goes with max_version and wins over version.",
  ),
  max_version: tlsVersion.optional("The highest TLS version to speak; goes with min_version and wins over version."),
  ciphers: string.optional("Cipher list in OpenSSL's form, for TLS up to 1.2. Without it Node's list."),
  insecure: bool.default("Serve with a self-signed certificate, made at start, when no certificate is given.", false),
  ensure_fips: bool.default("Refuse to start unless OpenSSL runs in FIPS mode.", false),
  ca_path: string.optional("PEM file of the authorities that client certificates are checked with."),
  cert_path: string.optional("PEM file of the server's certificate, its chain behind it."),
  private_key_path: string.optional("PEM file of the private key that belongs to cert_path."),
  private_key_passphrase: string.optional("Passphrase of the private key.", { secret: true }),
  client_cert_auth: bool.default(
    "Accept only clients with a certificate that ca_path, or the system, vouches for.",
    false,
  ),
  cert_verifier: refused("it is a Ruby program; use client_cert_auth with ca_path"),
  ca_cert_path: string.optional("PEM file of an authority of your own that issues the server's certificate at start."),
  ca_private_key_path: string.optional("PEM file of that authority's private key."),
  ca_private_key_passphrase: string.optional("Passphrase of that authority's private key.", { secret: true }),
  generate_private_key_length: integer.default("Bits of the RSA key of a certificate made at start.", 2048),
  generate_cert_country: string.default("Country of a certificate made at start.", "US"),
  generate_cert_state: string.default("State of a certificate made at start.", "CA"),
  generate_cert_locality: string.default("Locality of a certificate made at start.", "Mountain View"),
  generate_cert_common_name: string.optional("Common name of a certificate made at start; without it the host name."),
  generate_cert_expiration: time.default("Seconds that a certificate made at start is valid.", 10 * 365 * 86400),
  generate_cert_digest: string.default("Digest of the signature of a certificate made at start.", "sha256"),
  linger_timeout: integer.default("Accepted. A connection always closes in order, so that no written ack is lost.", 0),
  receive_buffer_size: size.optional("Receive buffer of the UDP socket; TCP buffers are the system's own affair."),
});

export type TransportConfig = ConfigOf<typeof transportTable>;

/** FIELD 4, limits: Node's own 120 s would let idle peers hold connections without ever speaking TLS. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

export interface TransportServerOptions {
  /** Told when certificates are read again, or cannot be. */
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Whether a TCP connection is taken at all; asked before TLS. One that is not is closed at once. */
  admit?(socket: Socket): boolean;
  /** A connection that is ready for data; with TLS, after the handshake. Errors on the socket are the receiver's. */
  onConnection(socket: Socket): void;
  /**
   * A TLS handshake failed; called once for the connection, which is gone. `peer` is `host:port`. `silent` tells that
   * the peer hung up before it sent anything, as load balancers do to see whether the port is open.
   */
  onTlsError(error: TlsError, peer: string, silent: boolean): void;
  /** `send_keepalive_packet`: SO_KEEPALIVE on every connection. */
  readonly sendKeepalivePacket?: boolean;
  /** Whether what a connection without TLS reads is valid only until its `data` listener returns: see shared-reads.ts. */
  readonly sharesReads?: boolean;
  /** Whether a peer that has ended its side still gets answers; the receiver then ends every connection itself. */
  readonly allowHalfOpen?: boolean;
  /** Milliseconds that a TLS handshake may take; 5 s unless given. */
  readonly handshakeTimeoutMs?: number;
}

/** Whether the section says TLS. */
export function isTls(config: TransportConfig): boolean {
  return config.argument === "tls";
}

/**
 * Finds everything that is wrong with the section, certificates included, without making any: for `create` and dry
 * runs. Throws ConfigError.
 */
export function checkTransport(config: TransportConfig): void {
  const { argument, element } = config;
  if (argument !== "" && argument !== "tcp" && argument !== "tls") {
    throw new ConfigError(
      `unknown transport '${argument}': write <transport tcp> or <transport tls>`,
      element.position,
    );
  }
  if (!isTls(config)) return;
  versions(config);
  if (config.ensureFips && getFips() === 0) {
    const message =
      "Cannot enable FIPS compliant mode. OpenSSL FIPS configuration is disabled; run node with --enable-fips";
    throw new ConfigError(message, position(config, "ensure_fips"));
  }
  checkServerIdentity(config);
  if (config.clientCertAuth) clientAuthorities(config);
}

/**
 * A server that does not listen yet. Certificates are read here, and again whenever their files change: connections
 * that are open stay as they are, new ones get the new certificate. Throws ConfigError.
 * The caller listens, handles `error`, and closes it.
 */
export async function createTransportServer(config: TransportConfig, options: TransportServerOptions): Promise<Server> {
  checkTransport(config);
  const { sendKeepalivePacket = false, allowHalfOpen = false, sharesReads = false } = options;
  const tcp = { noDelay: true, keepAlive: sendKeepalivePacket, allowHalfOpen };
  const { admit = () => true } = options;
  const take = (serve: (socket: Socket) => void) => (socket: Socket) => {
    if (admit(socket)) serve(socket);
    else socket.destroy();
  };
  if (!isTls(config)) {
    const share = (socket: Socket) => options.onConnection(withSharedReads(socket));
    return createServer({ ...tcp, pauseOnConnect: sharesReads }, take(sharesReads ? share : options.onConnection));
  }

  const context = async () => ({
    ...versions(config),
    ...(await serverIdentity(config)),
    // None unless clients are to prove who they are: Node.js would read all that it has of its own.
    ca: config.clientCertAuth ? clientAuthorities(config) : [],
  });
  // The one that listens hands the sockets that it admits to the one that speaks TLS.
  const tlsServer = createTlsServer({
    ...tcp,
    ...(await context()),
    handshakeTimeout: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    ...(config.clientCertAuth && { requestCert: true, rejectUnauthorized: true }),
  });
  tlsServer.on("secureConnection", options.onConnection);
  reportFailures(tlsServer, options);
  const server = createServer(
    tcp,
    take((socket) => void tlsServer.emit("connection", socket)),
  );
  const { clock = systemClock, logger } = options;
  const reload = async () => tlsServer.setSecureContext(await context());
  const watch = reloadOnChange({ paths: certificatePaths(config), what: "certificates", reload, clock, logger });
  server.once("error", () => server.listening || watch.stop());
  return server.on("close", () => watch.stop());
}

/** Resolves when `server` listens. Throws NetworkError, with the address and what to do. */
export async function listen(server: Server, address: ListenAddress): Promise<void> {
  try {
    await listeningSockets.listen(server, address);
  } catch (cause) {
    const { host, port } = address;
    const message = `cannot listen on ${host}:${port} (TCP): ${errorMessage(cause)}; free the port or set another`;
    throw new NetworkError(message, { cause });
  }
}

function reportFailures(server: Server, options: TransportServerOptions): void {
  // A TLSSocket forgets its peer once it is closed; the TCP socket under it remembers what was asked before.
  server.on("connection", (socket: Socket) => socket.remoteAddress);
  server.on("tlsClientError", (cause: NodeJS.ErrnoException, socket: TLSSocket & { _parent?: Socket }) => {
    const { remoteAddress, remotePort, bytesRead } = socket._parent ?? socket;
    socket.destroy();
    const peer = `${remoteAddress}:${remotePort}`;
    const reason = explainTlsFailure(socket.authorizationError ?? cause, "server");
    const error = new TlsError(`TLS handshake with ${peer} failed: ${reason}`, { cause });
    options.onTlsError(error, peer, cause.code === "ECONNRESET" && bytesRead === 0);
  });
}

function versions(config: TransportConfig) {
  const { version, minVersion, maxVersion, ciphers } = config;
  if ((minVersion === undefined) !== (maxVersion === undefined)) {
    const [given, missing] = minVersion ? ["min_version", "max_version"] : ["max_version", "min_version"];
    throw new ConfigError(`When you set ${given}, must set ${missing} together`, position(config, given));
  }
  try {
    const options = protocolOptions(minVersion ?? version, maxVersion ?? version, ciphers);
    createSecureContext({ ...options, ca: [] });
    return options;
  } catch (cause) {
    const message = `ciphers: OpenSSL does not take '${ciphers}'; write names as 'openssl ciphers' lists them`;
    throw new ConfigError(message, position(config, "ciphers"), { cause });
  }
}

function position(config: TransportConfig, key: string) {
  return config.element.parameter(key)?.position ?? config.element.position;
}
