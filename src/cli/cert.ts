/**
 * `suiro cert`: a private authority, and certificates of servers and clients in its name, for tests and for receivers
 * that no public authority knows. File names and subjects are those of fluent-ca-generate, so that either can go on with
 * what the other made. Source: fluentd 1.18 command/ca_generate.rb.
 *
 * | made                   | files, in one folder               |
 * |------------------------|------------------------------------|
 * | `suiro cert ca DIR`    | `ca_cert.pem`, `ca_key.pem`         |
 * | `suiro cert server DIR`| `server_cert.pem`, `server_key.pem` |
 * | `suiro cert client DIR`| `client_cert.pem`, `client_key.pem` |
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { errorMessage, SuiroError, TlsError } from "../errors.ts";
import { CertificateAuthority, type CertificateRequest } from "../tls/certificate-authority.ts";

export interface CertOptions {
  readonly kind: "ca" | "server" | "client";
  readonly folder: string;
  /** DNS names and IP addresses of a server, the name of a client. */
  readonly names: readonly string[];
  readonly country: string;
  readonly state: string;
  readonly locality: string;
  readonly commonName?: string;
  readonly days?: number;
  /** Bits of an RSA key; without it EC P-256. */
  readonly rsa?: number;
  /** Of the authority's key. */
  readonly passphrase?: string;
  /** Replace what is there. */
  readonly force?: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_DAYS = { ca: 3650, server: 825, client: 825 } as const;
const KEY_MODE = 0o600;

/** Gives the exit code. */
export async function cert(options: CertOptions): Promise<number> {
  try {
    const { certificate, key, validUntil } =
      options.kind === "ca" ? await makeAuthority(options) : await issue(options);
    print(`made ${certificate} and ${key}, valid until ${validUntil}`);
    print(NEXT_STEPS[options.kind](options.folder));
    return 0;
  } catch (error) {
    if (!(error instanceof SuiroError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
}

async function makeAuthority(options: CertOptions) {
  const { passphrase } = options;
  const authority = await CertificateAuthority.create(request(options, "Suiro Forward CA", []));
  const cipher = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const key = createPrivateKey(authority.privateKeyPem).export({ type: "pkcs8", format: "pem", ...cipher });
  return write(options, authority.certificatePem, String(key));
}

async function issue(options: CertOptions) {
  const authority = readAuthority(options);
  const usage = options.kind === "client" ? "client" : "server";
  const [first = usage === "server" ? hostname() : "client"] = options.names;
  const given = options.names.length > 0 ? options.names : [first];
  const names = usage === "server" ? given.map(subjectName) : given.filter((name) => asciiName(name) === name);
  const wanted = request(options, first, names);
  const ends = new Date(new X509Certificate(authority.certificatePem).validTo);
  const validUntil = wanted.validUntil && wanted.validUntil < ends ? wanted.validUntil : ends;
  const made = await authority.issue({ ...wanted, validUntil, usage });
  return write(options, made.certificatePem, made.privateKeyPem);
}

/** A server's name as certificates and senders compare it. Throws TlsError. */
function subjectName(name: string): string {
  const ascii = asciiName(name);
  if (ascii !== undefined) return ascii;
  throw new TlsError(`'${name}' is no host name and no IP address; a port does not belong to it`);
}

/** With what is beyond ASCII as `xn--…`; undefined for what is no name and no address. */
function asciiName(name: string): string | undefined {
  if (isIP(name)) return name;
  const ascii = domainToASCII(name);
  return HOST_NAME.test(ascii) ? ascii : undefined;
}

const HOST_NAME = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

function readAuthority({ folder, passphrase }: CertOptions): CertificateAuthority {
  const [certificatePath, keyPath] = paths(folder, "ca");
  for (const path of [certificatePath, keyPath]) {
    if (!existsSync(path))
      throw new TlsError(`${path} is missing: make the authority first, with suiro cert ca ${folder}`);
  }
  try {
    const certificate = readFileSync(certificatePath, "utf8");
    const key = createPrivateKey({ key: readFileSync(keyPath), ...(passphrase !== undefined && { passphrase }) });
    if (!new X509Certificate(certificate).checkPrivateKey(key))
      throw new Error(`it does not belong to ${certificatePath}`);
    return new CertificateAuthority(certificate, key);
  } catch (cause) {
    const hint = passphrase === undefined ? "; an encrypted key needs --passphrase" : "";
    throw new TlsError(`cannot use the authority's key ${keyPath}: ${errorMessage(cause)}${hint}`, { cause });
  }
}

function request(options: CertOptions, commonName: string, names: readonly string[]): CertificateRequest {
  const { kind, country, state, locality, rsa, days = DEFAULT_DAYS[kind] } = options;
  return {
    commonName: options.commonName ?? commonName,
    country,
    state,
    locality,
    names,
    validUntil: new Date(Date.now() + days * DAY_MS),
    ...(rsa !== undefined && { key: { rsaBits: rsa } }),
  };
}

/** Writes both or neither. */
function write({ folder, kind, force = false }: CertOptions, certificatePem: string, keyPem: string) {
  const [certificate, key] = paths(folder, kind);
  try {
    mkdirSync(folder, { recursive: true });
    for (const path of [certificate, key]) {
      if (!force && existsSync(path)) throw new Error(`${path} is there already; --force replaces it`);
      rmSync(path, { force: true });
    }
    writeFileSync(key, keyPem, { mode: KEY_MODE });
    writeFileSync(certificate, certificatePem);
  } catch (cause) {
    throw new TlsError(`cannot write certificates: ${errorMessage(cause)}`, { cause });
  }
  return {
    certificate,
    key,
    validUntil: new Date(new X509Certificate(certificatePem).validTo).toISOString().slice(0, 10),
  };
}

function paths(folder: string, kind: CertOptions["kind"]): [certificate: string, key: string] {
  return [join(folder, `${kind}_cert.pem`), join(folder, `${kind}_key.pem`)];
}

const NEXT_STEPS: Record<CertOptions["kind"], (folder: string) => string> = {
  ca: (folder) => `Next: suiro cert server ${folder} NAME-OR-ADDRESS-OF-THE-RECEIVER…
Senders need ca_cert.pem (tls_cert_path). Keep ca_key.pem to yourself: who has it can pose as any receiver.`,
  server: (folder) => `In the receiver's <source>:
  <transport tls>
    cert_path ${join(folder, "server_cert.pem")}
    private_key_path ${join(folder, "server_key.pem")}
    # and, to accept only senders with a certificate of this authority:
    # client_cert_auth true
    # ca_path ${join(folder, "ca_cert.pem")}
  </transport>`,
  client: (folder) => `In the sender's <match>:
  transport tls
  tls_cert_path ${join(folder, "ca_cert.pem")}
  tls_client_cert_path ${join(folder, "client_cert.pem")}
  tls_client_private_key_path ${join(folder, "client_key.pem")}`,
};

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
