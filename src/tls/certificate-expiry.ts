/** When the certificates that a configuration names become invalid, read from their files as they are now. */

import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { ConfigElement } from "../config/element.ts";
import { parseArray } from "../config/literals.ts";
import { splitPem } from "./certificate-files.ts";

export interface CertificateExpiry {
  readonly path: string;
  /** As OpenSSL writes it, on one line: `CN=receiver.example`. */
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

/** Parameters that name PEM files of certificates; some take several. */
const PARAMETERS = [
  "cert_path",
  "ca_path",
  "ca_cert_path",
  "tls_cert_path",
  "tls_ca_cert_path",
  "tls_client_cert_path",
  "client_cert_path",
];

/** A bundle is larger than any chain; its certificates are the system's affair. */
const MAX_FILE_BYTES = 64 * 1024;

interface KnownFile {
  readonly version: string;
  readonly first: CertificateExpiry | undefined;
}

const known = new Map<string, KnownFile>();

/** Of each file that the plugin's section names, the certificate that expires first. Files that cannot be read are left out. */
export function certificatesOf(element: ConfigElement): CertificateExpiry[] {
  return [...new Set(certificatePaths(element))].flatMap((path) => firstToExpire(path) ?? []);
}

/** Paths of certificate files in the section and those inside it; plugins that stand inside have their own. */
export function certificatePaths(element: ConfigElement): string[] {
  const own = PARAMETERS.flatMap((name) => {
    const text = element.text(name);
    return text === undefined || text === "" ? [] : parseArray(text);
  });
  const inner = element.children.filter(({ name }) => name !== "store");
  return [...own, ...inner.flatMap(certificatePaths)];
}

function firstToExpire(path: string): CertificateExpiry | undefined {
  try {
    const { mtimeMs, size } = statSync(path);
    const version = `${mtimeMs} ${size}`;
    const last = known.get(path);
    if (last?.version === version) return last.first;
    const first = size > MAX_FILE_BYTES ? undefined : readFirst(path);
    known.set(path, { version, first });
    return first;
  } catch {
    return undefined;
  }
}

function readFirst(path: string): CertificateExpiry | undefined {
  const bytes = readFileSync(path);
  const blocks = splitPem(bytes.toString("latin1"));
  const expiries = (blocks.length === 0 ? [bytes] : blocks).map((block) => {
    const { subject, validFrom, validTo } = new X509Certificate(block);
    return {
      path,
      subject: (subject ?? "").replaceAll("\n", ","),
      notBeforeMs: Date.parse(validFrom),
      expiresMs: Date.parse(validTo),
    };
  });
  return expiries.reduce((left, right) => (right.expiresMs < left.expiresMs ? right : left));
}
