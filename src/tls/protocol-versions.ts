/**
 * Names of TLS versions as fluentd writes them, and cipher lists as OpenSSL means them.
 * Source: fluentd 1.18 tls.rb; COMPAT 2.1, 3.1.
 */

import type { SecureVersion } from "node:tls";
import { parameterType } from "../config/parameters.ts";

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  TLSv1_1: "TLSv1.1",
  TLSv1_2: "TLSv1.2",
  TLSv1_3: "TLSv1.3",
  TLS1_1: "TLSv1.1",
  TLS1_2: "TLSv1.2",
  TLS1_3: "TLSv1.3",
};

/** A parameter that names one TLS version: `TLSv1_2`, or `TLS1_2`. */
export const tlsVersion = parameterType<SecureVersion>("TLSv1_1 | TLSv1_2 | TLSv1_3", (text) => {
  const version = VERSIONS[text.replace(/^:/, "")];
  if (!version) throw new Error(`valid options are TLSv1_1,TLSv1_2,TLSv1_3 but got ${text}`);
  return version;
});

/** Options of a TLS context that say which versions and ciphers are spoken. */
export interface ProtocolOptions {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly ciphers?: string;
}

/** TLS 1.3 suites stand apart in OpenSSL: a cipher list never switches them off. */
const TLS_1_3_SUITES = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/**
 * A version that is pinned is obeyed exactly; without one both TLS 1.2 and 1.3 are spoken, where fluentd's default
 * pins 1.2. TLS 1.1 needs OpenSSL's security level 0, so asking for it asks for that as well.
 */
export function protocolOptions(
  minVersion: SecureVersion = "TLSv1.2",
  maxVersion: SecureVersion = "TLSv1.3",
  ciphers?: string,
): ProtocolOptions {
  const legacy = minVersion === "TLSv1.1";
  if (ciphers === undefined && !legacy) return { minVersion, maxVersion };
  // Node takes a list without TLS 1.3 suites as a wish not to speak TLS 1.3.
  let list = ciphers ?? "DEFAULT";
  if (!/(^|:)TLS_/.test(list)) list = `${TLS_1_3_SUITES}:${list}`;
  if (legacy && !list.includes("@SECLEVEL")) list += ":@SECLEVEL=0";
  return { minVersion, maxVersion, ciphers: list };
}
