/**
 * Names of TLS versions as fluentd writes them, and cipher lists as OpenSSL means them.
 * Source: fluentd 1.18 tls.rb; COMPAT 2.1, 3.1.
 */

import { parameterType } from "../config/parameters.ts";

type Version = "TLSv1.2" | "TLSv1.3";

const VERSIONS: Readonly<Record<string, Version>> = {
  TLSv1_2: "TLSv1.2",
  TLSv1_3: "TLSv1.3",
  TLS1_2: "TLSv1.2",
  TLS1_3: "TLSv1.3",
};

const TLS_1_1 = /^:?TLSv?1_1$/;

function parseVersion(text: string): Version {
  if (TLS_1_1.test(text)) throw new Error("TLS 1.1 is not secure and not spoken (RFC 8996): write TLSv1_2");
  const version = VERSIONS[text.replace(/^:/, "")];
  if (!version) throw new Error(`valid options are TLSv1_2,TLSv1_3 but got ${text}`);
  return version;
}

/**
 * A parameter that names one TLS version: `TLSv1_2`, or `TLS1_2`. TLS 1.1, which fluentd takes, is refused: RFC 8996
 * forbids it, and OpenSSL speaks it only with its security checks switched off.
 */
export const tlsVersion = parameterType<Version>("TLSv1_2 | TLSv1_3", parseVersion);

/** The same as a lower bound: 1.1 is raised to 1.2, with a warning, since what is above it is spoken. */
export const lowestTlsVersion = parameterType<Version>(
  "TLSv1_2 | TLSv1_3",
  (text) => (TLS_1_1.test(text) ? "TLSv1.2" : parseVersion(text)),
  (text) => (TLS_1_1.test(text) ? "TLS 1.1 is not spoken; TLS 1.2 is the lowest." : undefined),
);

/** Options of a TLS context that say which versions and ciphers are spoken. */
export interface ProtocolOptions {
  readonly minVersion: Version;
  readonly maxVersion: Version;
  readonly ciphers?: string;
}

/** TLS 1.3 suites stand apart in OpenSSL: a cipher list never switches them off. */
const TLS_1_3_SUITES = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/**
 * A version that is pinned is obeyed exactly; without one both TLS 1.2 and 1.3 are spoken, 1.3 where the peer can, while
 * fluentd's default pins 1.2.
 */
export function protocolOptions(
  minVersion: Version = "TLSv1.2",
  maxVersion: Version = "TLSv1.3",
  ciphers?: string,
): ProtocolOptions {
  if (ciphers === undefined) return { minVersion, maxVersion };
  // Node takes a list without TLS 1.3 suites as a wish not to speak TLS 1.3.
  const list = /(^|:)TLS_/.test(ciphers) ? ciphers : `${TLS_1_3_SUITES}:${ciphers}`;
  return { minVersion, maxVersion, ciphers: list };
}
