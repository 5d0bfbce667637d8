/**
 * The certificate authorities that this machine trusts: those that Node brings, and the operating system's bundle, as
 * OpenSSL loads it. Source: OpenSSL `SSL_CTX_set_default_verify_paths` (SSL_CERT_FILE replaces the default file).
 */

import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { splitPem } from "./certificate-files.ts";

const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, Red Hat
  "/etc/ssl/cert.pem", // macOS, BSD
];

/** PEM texts, each certificate once. An absent bundle is no error: Node's own list remains. */
export function systemCertificates(environment: NodeJS.ProcessEnv = process.env): string[] {
  const bundles = environment.SSL_CERT_FILE ? [environment.SSL_CERT_FILE] : BUNDLES;
  const unique = new Set(rootCertificates.map(normalized));
  for (const path of bundles) {
    const found = readBundle(path);
    for (const certificate of found) unique.add(normalized(certificate));
    if (found.length > 0) break;
  }
  return [...unique];
}

/** The same certificate stands with other line lengths in other lists. */
function normalized(certificate: string): string {
  const body = certificate.replace(/-----[^-]+-----|\s/g, "");
  return `-----BEGIN CERTIFICATE-----\n${body.replace(/.{64}/g, "$&\n").trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function readBundle(path: string): string[] {
  try {
    return splitPem(readFileSync(path, "latin1"));
  } catch {
    return [];
  }
}
