/**
 * The certificate that a server shows: read from files, issued at start by an authority of the user's, or self-signed.
 * Source: fluentd 1.18 plugin_helper/cert_option.rb.
 */

import type { KeyObject } from "node:crypto";
import { hostname } from "node:os";
import type { SecureContextOptions } from "node:tls";
import { ConfigError } from "../errors.ts";
import { CertificateAuthority, type CertificateRequest, createSelfSigned, hashName } from "./certificate-authority.ts";
import { checkKeyPair, type FileParameter, readCertificates, readPrivateKey } from "./certificate-files.ts";
import type { TransportConfig } from "./transport.ts";
import { systemCertificates } from "./trust-store.ts";

type Source =
  | { readonly kind: "files"; readonly chain: string[]; readonly key: KeyObject }
  | { readonly kind: "authority"; readonly authority: CertificateAuthority }
  | { readonly kind: "self-signed" };

/** Options `cert` and `key` of a TLS context. Throws ConfigError. */
export async function serverIdentity(config: TransportConfig): Promise<SecureContextOptions> {
  const source = readSource(config);
  if (source.kind === "files") {
    return { cert: source.chain.join("\n"), key: source.key.export({ type: "pkcs8", format: "pem" }) };
  }
  const request = certificateRequest(config);
  if (source.kind === "self-signed") {
    const { certificatePem, privateKeyPem } = await createSelfSigned(request);
    return { cert: certificatePem, key: privateKeyPem };
  }
  const { certificatePem, privateKeyPem } = await source.authority.issue(request);
  return { cert: certificatePem + source.authority.certificatePem, key: privateKeyPem };
}

/** Reads what serverIdentity would use and makes nothing. Throws ConfigError. */
export function checkServerIdentity(config: TransportConfig): void {
  if (readSource(config).kind !== "files") certificateRequest(config);
}

/** The files behind serverIdentity and clientAuthorities. */
export function certificatePaths(config: TransportConfig): string[] {
  const { certPath, privateKeyPath, caCertPath, caPrivateKeyPath, caPath, clientCertAuth } = config;
  const identity = certPath === undefined ? [caCertPath, caPrivateKeyPath] : [certPath, privateKeyPath];
  return [...identity, clientCertAuth ? caPath : undefined].filter((path) => path !== undefined);
}

/** What client certificates are checked with: `ca_path`, else the system's authorities. Throws ConfigError. */
export function clientAuthorities(config: TransportConfig): string[] {
  return config.caPath === undefined ? systemCertificates() : readCertificates(file(config, "ca_path", config.caPath));
}

function readSource(config: TransportConfig): Source {
  const { certPath, privateKeyPath, caCertPath, caPrivateKeyPath } = config;
  if (certPath !== undefined) {
    const certificates = file(config, "cert_path", certPath);
    if (privateKeyPath === undefined) throw missing("private_key_path", certificates);
    const chain = readCertificates(certificates);
    const key = readPrivateKey(file(config, "private_key_path", privateKeyPath), {
      name: "private_key_passphrase",
      value: config.privateKeyPassphrase,
    });
    checkKeyPair(chain[0] as string, key, certificates, privateKeyPath);
    return { kind: "files", chain, key };
  }
  if (caCertPath !== undefined) {
    const certificates = file(config, "ca_cert_path", caCertPath);
    if (caPrivateKeyPath === undefined) throw missing("ca_private_key_path", certificates);
    const [certificate] = readCertificates(certificates) as [string];
    const key = readPrivateKey(file(config, "ca_private_key_path", caPrivateKeyPath), {
      name: "ca_private_key_passphrase",
      value: config.caPrivateKeyPassphrase,
    });
    checkKeyPair(certificate, key, certificates, caPrivateKeyPath);
    return { kind: "authority", authority: new CertificateAuthority(certificate, key) };
  }
  if (config.insecure) return { kind: "self-signed" };
  throw new ConfigError(
    "no valid cert options configured. specify either 'ca_cert_path', 'cert_path' or 'insecure'",
    config.element.position,
  );
}

function certificateRequest(config: TransportConfig): CertificateRequest {
  const commonName = config.generateCertCommonName ?? hostname();
  const rsaBits = config.generatePrivateKeyLength;
  if (rsaBits < 2048 || rsaBits > 8192) {
    const message = `generate_private_key_length: ${rsaBits} bits; TLS takes RSA keys of 2048 to 8192 bits`;
    throw new ConfigError(message, position(config, "generate_private_key_length"));
  }
  try {
    hashName(config.generateCertDigest);
  } catch (error) {
    throw new ConfigError(
      `generate_cert_digest: ${(error as Error).message}`,
      position(config, "generate_cert_digest"),
    );
  }
  return {
    commonName,
    country: config.generateCertCountry,
    state: config.generateCertState,
    locality: config.generateCertLocality,
    names: [...new Set([commonName, "localhost", "127.0.0.1", "::1"])],
    validUntil: new Date(Date.now() + config.generateCertExpiration * 1000),
    key: { rsaBits },
    digest: config.generateCertDigest,
  };
}

function missing(name: string, file: FileParameter): ConfigError {
  return new ConfigError(`${name} is required when ${file.name} is specified`, file.position);
}

function file(config: TransportConfig, name: string, path: string): FileParameter {
  return { name, path, position: position(config, name) };
}

function position(config: TransportConfig, key: string) {
  return config.element.parameter(key)?.position ?? config.element.position;
}
