/** Why a TLS handshake failed or a peer's certificate is not trusted, in plain words, and what to set. */

import type { PeerCertificate } from "node:tls";

/** Who we are in the handshake: a connector, or a server. */
export type Side = "client" | "server";

type Remedy = string | Readonly<Record<Side, string>>;

const TRUST_ITS_ISSUER: Remedy = {
  client: "put the issuing CA into tls_cert_path, or use a certificate that the system trusts",
  server: "put the CA that issues the clients' certificates into ca_path",
};
const COMPARE_VERSIONS: Remedy = {
  client: "check tls_version here, and version in the server's <transport>",
  server: "check version, min_version and max_version here, and tls_version of the client",
};

/** By OpenSSL's and Node's codes: the reason, and the remedy in the words of the configuration. */
const FAILURES: Readonly<Record<string, readonly [reason: string, remedy: Remedy]>> = {
  CERT_HAS_EXPIRED: ["the certificate has expired", "renew it, and check both machines' clocks"],
  CERT_NOT_YET_VALID: ["the certificate is not valid yet", "check both machines' clocks"],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    "the certificate is self-signed",
    { client: "put it into tls_cert_path, or set tls_allow_self_signed_cert true", server: "put it into ca_path" },
  ],
  SELF_SIGNED_CERT_IN_CHAIN: ["the certificate's chain ends at a CA that is not trusted", TRUST_ITS_ISSUER],
  UNABLE_TO_GET_ISSUER_CERT: ["the certificate's issuer is not known", TRUST_ITS_ISSUER],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["the certificate's issuer is not known", TRUST_ITS_ISSUER],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["the certificate's issuer is not known", TRUST_ITS_ISSUER],
  CERT_SIGNATURE_FAILURE: ["the certificate's signature is wrong", TRUST_ITS_ISSUER],
  INVALID_PURPOSE: ["the certificate is not made for this purpose", "issue it with the right extended key usage"],
  CERT_REVOKED: ["the certificate is revoked", "issue a new one"],
  ERR_SSL_WRONG_VERSION_NUMBER: ["the peer does not speak TLS on this port", "check port and transport on both sides"],
  ERR_SSL_HTTP_REQUEST: ["the peer sent an HTTP request", ""],
  ERR_SSL_UNSUPPORTED_PROTOCOL: ["no TLS version in common", COMPARE_VERSIONS],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: ["no TLS version in common", COMPARE_VERSIONS],
  ERR_SSL_NO_SHARED_CIPHER: ["no cipher in common", "check the cipher lists on both sides"],
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: ["the peer refused the handshake", "check versions and ciphers on both sides"],
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: [
    "the client sent no certificate",
    "give it one (tls_client_cert_path), or remove client_cert_auth",
  ],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: [
    "the peer wants a client certificate",
    "set tls_client_cert_path and tls_client_private_key_path",
  ],
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ["the peer does not trust the certificate's issuer", "let the peer trust the CA"],
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ["the peer refused the certificate", "let the peer trust the CA"],
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: ["the peer finds the certificate expired", "renew it"],
  ERR_TLS_HANDSHAKE_TIMEOUT: ["no TLS handshake within the time allowed", ""],
  ECONNRESET: ["the peer closed the connection", ""],
};

/**
 * What an error of a TLS connection, or OpenSSL's verification code, means: `reason; remedy`. Unknown ones keep their
 * own text.
 */
export function explainTlsFailure(failure: unknown, side: Side): string {
  const [reason, remedy] = FAILURES[failureCode(failure)] ?? [failureText(failure), ""];
  const advice = typeof remedy === "string" ? remedy : remedy[side];
  return advice === "" ? reason : `${reason}; ${advice}`;
}

/** Whether the authorities that a certificate was checked against do not know who issued it: others may. */
export function isUnknownIssuer(failure: unknown): boolean {
  return /^(UNABLE_TO_|SELF_SIGNED_CERT_|DEPTH_ZERO_SELF_SIGNED_)/.test(failureCode(failure));
}

/** The code of an error; where a write was under way Node says only EPROTO, and OpenSSL's reason is in the message. */
export function failureCode(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const { code = "", message } = failure as NodeJS.ErrnoException;
  const reason = code === "EPROTO" ? /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] : undefined;
  return reason ? `ERR_SSL_${reason.toUpperCase().replaceAll(" ", "_")}` : code;
}

function failureText(failure: unknown): string {
  return failure instanceof Error ? failure.message.trim() : String(failure);
}

/** `CN=collector.example.com, O=Example`, for messages. */
export function describeSubject(certificate: PeerCertificate): string {
  const parts = Object.entries(certificate.subject ?? {}).map(([name, value]) => `${name}=${value}`);
  return parts.length > 0 ? parts.join(", ") : "without a subject";
}
