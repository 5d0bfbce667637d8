/** Whether a peer's certificate is trusted, and in plain words why not. */

import type { PeerCertificate } from "node:tls";

export interface TlsFailure {
  readonly reason: string;
  /** What to set or do; "" where only the peer can help. */
  readonly remedy: string;
}

const TRUST_ITS_ISSUER = "put the issuing CA into tls_cert_path, or use a certificate that the system trusts";

/** OpenSSL's and Node's codes, in the words of the configuration. */
const FAILURES: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  CERT_HAS_EXPIRED: ["the certificate has expired", "renew it, and check both machines' clocks"],
  CERT_NOT_YET_VALID: ["the certificate is not valid yet", "check both machines' clocks"],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    "the certificate is self-signed",
    "put it into tls_cert_path, or set tls_allow_self_signed_cert true",
  ],
  SELF_SIGNED_CERT_IN_CHAIN: ["the certificate's chain ends at a CA that is not trusted", TRUST_ITS_ISSUER],
  UNABLE_TO_GET_ISSUER_CERT: ["the certificate's issuer is not known", TRUST_ITS_ISSUER],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["the certificate's issuer is not known", TRUST_ITS_ISSUER],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["the certificate's issuer is not known", TRUST_ITS_ISSUER],
  CERT_SIGNATURE_FAILURE: ["the certificate's signature is wrong", "use the CA that really issued it"],
  INVALID_PURPOSE: ["the certificate is not made for this purpose", "issue it with the right extended key usage"],
  CERT_REVOKED: ["the certificate is revoked", "issue a new one"],
  ERR_SSL_WRONG_VERSION_NUMBER: ["the peer does not speak TLS on this port", "check port and transport on both sides"],
  ERR_SSL_HTTP_REQUEST: ["the peer sent an HTTP request", ""],
  ERR_SSL_UNSUPPORTED_PROTOCOL: [
    "no TLS version in common",
    "check version, min_version and max_version on both sides",
  ],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: [
    "no TLS version in common",
    "check tls_version here, and version in the server's <transport>",
  ],
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
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ["the peer does not trust the certificate's issuer", "let it trust the CA"],
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ["the peer refused the certificate", "let it trust the CA"],
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: ["the peer finds the certificate expired", "renew it"],
  ERR_TLS_HANDSHAKE_TIMEOUT: ["no TLS handshake within the time allowed", ""],
  ECONNRESET: ["the peer closed the connection", ""],
};

/** What an error, or an OpenSSL verification code, means. Unknown ones keep their own text. */
export function explainTlsFailure(failure: unknown): TlsFailure {
  const code = failure instanceof Error ? (failure as NodeJS.ErrnoException).code : String(failure);
  const known = FAILURES[code ?? ""];
  if (known) return { reason: known[0], remedy: known[1] };
  return { reason: failure instanceof Error ? failure.message.trim() : String(failure), remedy: "" };
}

/** `CN=collector.example.com, O=Example`, for messages. */
export function describeSubject(certificate: PeerCertificate): string {
  const parts = Object.entries(certificate.subject ?? {}).map(([name, value]) => `${name}=${value}`);
  return parts.length > 0 ? parts.join(", ") : "(none)";
}
