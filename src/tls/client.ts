/**
 * The connecting side of TLS: out_forward's `tls_*` parameters and what they mean.
 * Source: fluentd 1.18 out_forward.rb and plugin_helper/socket.rb `socket_create_tls`; COMPAT 3.1.
 */

import { isIP } from "node:net";
import { checkServerIdentity, connect, type SecureContext, type TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../clock.ts";
import { array, bool, string } from "../config/literals.ts";
import { refused, type SectionBase, type TableShape } from "../config/parameters.ts";
import { NetworkError, type SourcePosition, TimeoutError, TlsError } from "../errors.ts";
import { ClientContext, certificatePaths } from "./client-context.ts";
import { describeSubject, explainTlsFailure, failureCode, isUnknownIssuer } from "./handshake-failure.ts";
import { tlsVersion } from "./protocol-versions.ts";
import { ResumableSessions } from "./resumable-sessions.ts";

const WINDOWS_STORE = "the certificate store of Windows is not read; give PEM files in tls_cert_path";

/** Spread into the table of an output that speaks TLS. */
export const tlsClientParameters = {
  tls_version: tlsVersion.optional("The one TLS version to speak. Without it TLS 1.2 and 1.3."),
  tls_ciphers: string.optional("Cipher list in OpenSSL's form, for TLS up to 1.2. Without it Node's list."),
  tls_insecure_mode: bool.default("Trust any server; no client certificate is sent. For tests only.", false),
  tls_allow_self_signed_cert: bool.default("Trust a server whose own certificate is self-signed.", false),
  tls_verify_hostname: bool.default("The server's certificate must be valid for its host name.", true),
  tls_ca_cert_path: array.optional("PEM files of authorities to trust beside the system's."),
  tls_cert_path: array.optional("As tls_ca_cert_path, and wins over it."),
  tls_client_cert_path: string.optional("PEM file of the client's certificate, its chain behind it."),
  tls_client_private_key_path: string.optional("PEM file of the client's private key."),
  tls_client_private_key_passphrase: string.optional("Passphrase of the client's private key.", { secret: true }),
  tls_cert_thumbprint: refused(WINDOWS_STORE),
  tls_cert_logical_store_name: refused(WINDOWS_STORE),
  tls_cert_use_enterprise_store: bool.default("Accepted; it is about the certificate store of Windows.", true),
};

// biome-ignore lint/complexity/noBannedTypes: an output's sections do not matter here.
export type TlsClientConfig = Omit<TableShape<typeof tlsClientParameters, {}>, keyof SectionBase>;

export interface TlsTarget {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** What SNI asks for and the certificate must name: the host where it is a name, else the node's name, else the address. */
  readonly serverName: string;
  /** For TCP connect and TLS handshake together. Without it the operating system decides. */
  readonly timeoutMs?: number | undefined;
}

export interface TlsConnector {
  /**
   * A connection to a server that is trusted. The caller owns the socket and handles its errors from then on.
   * Rejects with TlsError (trust, versions), NetworkError (connect, reset) or TimeoutError.
   */
  connect(target: TlsTarget): Promise<TLSSocket>;
  /** The files that certificates and keys were read from. */
  readonly paths: readonly string[];
  /** Reads them again, for the connections to come. Throws ConfigError, and those from before stay in use. */
  reload(): void;
}

/** Reads certificates and keys. Throws ConfigError at `position`. */
export function createTlsConnector(
  config: TlsClientConfig,
  position: SourcePosition,
  clock: Clock = systemClock,
): TlsConnector {
  let context = new ClientContext(config, position);
  let sessions = new ResumableSessions();
  return {
    paths: certificatePaths(config),
    reload() {
      context = new ClientContext(config, position);
      sessions = new ResumableSessions(); // a server that is taken up again shows no certificate
    },
    async connect(target) {
      const server = `${peer(target)} ${target.serverName}`;
      const [known, trusted] = [sessions, context];
      const keep = (next: Buffer) => known.keep(server, next);
      for (;;) {
        const session = known.of(server);
        const { secureContext } = trusted;
        try {
          return await connectOnce({ target, config, secureContext, clock, session, keep });
        } catch (error) {
          if (!(error instanceof TlsError)) throw error;
          if (session !== undefined) known.refuse(server);
          else if (isUnknownIssuer(error.cause)) trusted.trustSystem(); // or another connection had it do so
          if (session === undefined && trusted.secureContext === secureContext) throw error;
        }
      }
    },
  };
}

interface Attempt {
  readonly target: TlsTarget;
  readonly config: TlsClientConfig;
  readonly secureContext: SecureContext;
  readonly clock: Clock;
  /** Of an earlier connection to the same server. */
  readonly session: Buffer | undefined;
  /** Told each session that the server gives once it is trusted. */
  readonly keep: (session: Buffer) => void;
}

function connectOnce({ target, config, secureContext, clock, session, keep }: Attempt): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: target.address,
      port: target.port,
      ...(isServerName(target.serverName) && { servername: target.serverName }),
      secureContext,
      ...(session && { session }),
      // Checked in distrust(), before anybody gets the socket; Node's own check cannot say enough.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    const fail = (error: Error) => {
      cancel();
      socket.destroy();
      reject(error);
    };
    const onTimeout = () =>
      fail(new TimeoutError(`no TLS connection to ${peer(target)} within ${target.timeoutMs} ms`));
    const cancel = target.timeoutMs === undefined ? () => {} : clock.after(target.timeoutMs, onTimeout);
    // Stays for good: an error that comes before the caller listens must not end the process.
    socket.on("error", (cause) => fail(connectError(cause, target)));
    let given: Buffer | undefined;
    socket.on("session", (next) => {
      given = next;
    });
    socket.once("secureConnect", () => {
      const distrusted = distrust(socket, target, config);
      if (distrusted) return fail(distrusted);
      cancel();
      if (given) keep(given); // TLS 1.2 gives it within the handshake, 1.3 behind it
      socket.on("session", keep);
      resolve(socket.setNoDelay(true));
    });
  });
}

/** Why the server is not to be trusted, or undefined. */
function distrust(socket: TLSSocket, target: TlsTarget, config: TlsClientConfig): TlsError | undefined {
  if (config.tlsInsecureMode) return undefined;
  if (socket.isSessionReused()) return undefined; // it shows no certificate again, but proves to be who it was
  const certificate = socket.getPeerCertificate();
  const refuse = (reason: string, cause?: unknown) =>
    new TlsError(`${peer(target)} is not trusted: ${reason} (its certificate: ${describeSubject(certificate)})`, {
      cause,
    });

  const code = socket.authorized ? undefined : String(socket.authorizationError);
  const tolerated = config.tlsAllowSelfSignedCert && code === "DEPTH_ZERO_SELF_SIGNED_CERT";
  if (code !== undefined && !tolerated) return refuse(explainTlsFailure(code, "client"), code);
  if (!config.tlsVerifyHostname || !checkServerIdentity(target.serverName, certificate)) return undefined;
  const names = certificate.subjectaltname ?? `CN ${certificate.subject?.CN}`;
  return refuse(
    `the certificate is valid for ${names}, not for ${target.serverName}; ` +
      "set the server's host or name to one of these, or tls_verify_hostname false",
  );
}

function connectError(cause: Error, target: TlsTarget): Error {
  const message = `${peer(target)}: ${explainTlsFailure(cause, "client")}`;
  const isTls = /^ERR_(SSL|TLS)/.test(failureCode(cause));
  return isTls ? new TlsError(`TLS handshake with ${message}`, { cause }) : new NetworkError(message, { cause });
}

/** SNI holds host names only, never addresses or `host:port`. */
function isServerName(name: string): boolean {
  return isIP(name) === 0 && /^[A-Za-z0-9_.-]+$/.test(name);
}

function peer(target: TlsTarget): string {
  return isIP(target.address) === 6 ? `[${target.address}]:${target.port}` : `${target.address}:${target.port}`;
}
