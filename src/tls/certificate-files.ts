/** Certificates and private keys on disk, read once, with errors that name the parameter, the path and the remedy. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError, errorMessage, type SourcePosition } from "../errors.ts";

/** Certificates are a few kilobytes, a bundle of all public CAs some 200 KB. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** A parameter that holds a path: for messages. */
export interface FileParameter {
  readonly name: string;
  readonly path: string;
  readonly position: SourcePosition;
}

/**
 * The certificates of a PEM file, in its order: one, a chain, or a bundle of CAs. A single DER certificate is taken too.
 * Throws ConfigError.
 */
export function readCertificates(file: FileParameter): string[] {
  const bytes = readFile(file);
  const blocks = splitPem(bytes.toString("latin1"));
  try {
    if (blocks.length === 0) return [new X509Certificate(bytes).toString()];
    for (const block of blocks) new X509Certificate(block);
    return blocks;
  } catch (error) {
    throw new ConfigError(
      `${file.name}: ${file.path} holds no certificate that can be read (${errorMessage(error)}); give a PEM file`,
      file.position,
      { cause: error },
    );
  }
}

/** The private key of a PEM file. Throws ConfigError; neither key nor passphrase shows in it. */
export function readPrivateKey(
  file: FileParameter,
  passphrase: { name: string; value: string | undefined },
): KeyObject {
  const pem = readFile(file);
  try {
    return createPrivateKey({ key: pem, ...(passphrase.value !== undefined && { passphrase: passphrase.value }) });
  } catch (error) {
    const encrypted = /ENCRYPTED/.test(pem.toString("latin1"));
    const remedy = !encrypted
      ? "give a PEM file with a private key"
      : passphrase.value === undefined
        ? `it is encrypted: set ${passphrase.name}`
        : `it is encrypted and ${passphrase.name} does not open it`;
    throw new ConfigError(`${file.name}: cannot read the private key ${file.path}; ${remedy}`, file.position, {
      cause: error,
    });
  }
}

/** Throws ConfigError unless `key` is the private key of `certificate`. */
export function checkKeyPair(
  certificate: string,
  key: KeyObject,
  certificateFile: FileParameter,
  keyPath: string,
): void {
  if (new X509Certificate(certificate).checkPrivateKey(key)) return;
  throw new ConfigError(
    `${certificateFile.name}: the private key ${keyPath} does not belong to the certificate ${certificateFile.path}; ` +
      "the server's own certificate must stand first in the file",
    certificateFile.position,
  );
}

/** The PEM blocks of certificates in a text, in order; whatever stands between them is left out. */
export function splitPem(text: string): string[] {
  return text.match(PEM_CERTIFICATE) ?? [];
}

function readFile(file: FileParameter): Buffer {
  try {
    const bytes = readFileSync(file.path);
    if (bytes.length > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    return bytes;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === "ENOENT"
        ? "does not exist; create it or correct the path"
        : code === "EACCES"
          ? "must not be read by this user; grant read permission"
          : `cannot be read: ${errorMessage(error)}`;
    throw new ConfigError(`${file.name}: ${file.path} ${reason}`, file.position, { cause: error });
  }
}
