/**
 * The certificate authorities that this machine trusts: the operating system's bundle, as OpenSSL loads it, or Node's
 * own list where there is none (a slim container image). Source: OpenSSL `SSL_CTX_set_default_verify_paths`
 * (SSL_CERT_FILE replaces the default file), which is what fluentd trusts.
 */

import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { splitPem } from "./certificate-files.ts";

const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, Red Hat
  "/etc/ssl/cert.pem", // macOS, BSD
];

/** PEM texts. An absent or empty bundle is no error. */
export function systemCertificates(environment: NodeJS.ProcessEnv = process.env): string[] {
  const bundles = environment.SSL_CERT_FILE ? [environment.SSL_CERT_FILE] : BUNDLES;
  for (const path of bundles) {
    const found = readBundle(path);
    if (found.length > 0) return found;
  }
  return [...rootCertificates];
}

function readBundle(path: string): string[] {
  try {
    return splitPem(readFileSync(path, "latin1"));
  } catch {
    return [];
  }
}
