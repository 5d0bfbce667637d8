/**
 * What a client shows and whom it trusts: the authorities of its configuration and the system's. Those of the system are
 * some 140, and to read them takes 40 ms, so they wait until a server comes that the configured ones do not vouch for.
 */

import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { checkKeyPair, readCertificates, readPrivateKey } from "./certificate-files.ts";
import type { TlsClientConfig } from "./client.ts";
import { protocolOptions } from "./protocol-versions.ts";
import { systemCertificates } from "./trust-store.ts";

export class ClientContext {
  readonly #options: SecureContextOptions;
  readonly #authorities: readonly string[];
  /** Undefined until it is used: with its first authority, Node.js 20 reads all that it has of its own. */
  #context: SecureContext | undefined;
  #trustsSystem: boolean;

  /** Reads the files that the configuration names. Throws ConfigError. */
  constructor(config: TlsClientConfig, position: SourcePosition) {
    const isInsecure = config.tlsInsecureMode;
    this.#options = {
      ...protocolOptions(config.tlsVersion, config.tlsVersion, config.tlsCiphers),
      ...(!isInsecure && clientIdentity(config, position)),
    };
    this.#authorities = isInsecure ? [] : authorities(config, position);
    this.#trustsSystem = !isInsecure && this.#authorities.length === 0;
    try {
      createSecureContext({ ...this.#options, ca: [] });
    } catch (cause) {
      throw new ConfigError(`tls_ciphers: OpenSSL does not take '${config.tlsCiphers}'`, position, { cause });
    }
  }

  get secureContext(): SecureContext {
    this.#context ??= createSecureContext({ ...this.#options, ca: this.#trusted() });
    return this.#context;
  }

  /** From now on the system's authorities are trusted, too, by another `secureContext`. */
  trustSystem(): void {
    if (this.#trustsSystem) return;
    this.#trustsSystem = true;
    this.#context = undefined;
  }

  #trusted(): string[] {
    return [...(this.#trustsSystem ? systemCertificates() : []), ...this.#authorities];
  }
}

/** The files that certificates and keys are read from. */
export function certificatePaths(config: TlsClientConfig): string[] {
  if (config.tlsInsecureMode) return [];
  const own = [config.tlsClientCertPath, config.tlsClientPrivateKeyPath].filter((path) => path !== undefined);
  return [...authorityFiles(config).paths, ...own];
}

/** tls_cert_path wins over tls_ca_cert_path. */
function authorityFiles({ tlsCertPath = [], tlsCaCertPath = [] }: TlsClientConfig) {
  if (tlsCertPath.length > 0) return { name: "tls_cert_path", paths: tlsCertPath };
  return { name: "tls_ca_cert_path", paths: tlsCaCertPath };
}

function authorities(config: TlsClientConfig, position: SourcePosition): string[] {
  const { name, paths } = authorityFiles(config);
  return paths.flatMap((path) => readCertificates({ name, path, position }));
}

function clientIdentity(config: TlsClientConfig, position: SourcePosition): SecureContextOptions {
  const { tlsClientCertPath, tlsClientPrivateKeyPath } = config;
  if (tlsClientCertPath === undefined && tlsClientPrivateKeyPath === undefined) return {};
  if (tlsClientCertPath === undefined || tlsClientPrivateKeyPath === undefined) {
    const message = "tls_client_cert_path and tls_client_private_key_path go together; set both or none";
    throw new ConfigError(message, position);
  }
  const file = { name: "tls_client_cert_path", path: tlsClientCertPath, position };
  const chain = readCertificates(file);
  const key = readPrivateKey(
    { name: "tls_client_private_key_path", path: tlsClientPrivateKeyPath, position },
    { name: "tls_client_private_key_passphrase", value: config.tlsClientPrivateKeyPassphrase },
  );
  checkKeyPair(chain[0] as string, key, file, tlsClientPrivateKeyPath);
  return { cert: chain.join("\n"), key: key.export({ type: "pkcs8", format: "pem" }) };
}
