/** Certificates for tests, made once per test file, in a temporary folder that is removed at the end. */

import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CertificateAuthority,
  type CertificateRequest,
  createSelfSigned,
  type IssuedCertificate,
} from "../../src/tls/certificate-authority.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** A certificate on disk. */
export interface CertificateFiles extends IssuedCertificate {
  readonly certificatePath: string;
  readonly privateKeyPath: string;
}

/** The passphrase of keys written by `encryptKey`. */
export const PASSPHRASE = "open sesame";

export class TestCertificates {
  readonly folder: string;
  /** Issues all of the others. */
  readonly authority: CertificateAuthority;
  readonly authorityPath: string;

  private constructor(folder: string, authority: CertificateAuthority) {
    this.folder = folder;
    this.authority = authority;
    this.authorityPath = this.file("ca.pem", authority.certificatePem);
  }

  static async create(): Promise<TestCertificates> {
    const folder = mkdtempSync(join(tmpdir(), "suiro-certificates-"));
    return new TestCertificates(folder, await CertificateAuthority.create({ commonName: "Test CA" }));
  }

  /** Valid for localhost and 127.0.0.1. */
  server(request: Partial<CertificateRequest> = {}): Promise<CertificateFiles> {
    return this.issue("server", { commonName: "localhost", names: ["localhost", "127.0.0.1"], ...request });
  }

  expiredServer(): Promise<CertificateFiles> {
    const now = Date.now();
    return this.server({ validFrom: new Date(now - 2 * DAY_MS), validUntil: new Date(now - DAY_MS) });
  }

  client(request: Partial<CertificateRequest> = {}): Promise<CertificateFiles> {
    return this.issue("client", { commonName: "test-client", usage: "client", ...request });
  }

  async selfSigned(request: Partial<CertificateRequest> = {}): Promise<CertificateFiles> {
    const names = ["localhost", "127.0.0.1"];
    return this.#store("self-signed", await createSelfSigned({ commonName: "localhost", names, ...request }));
  }

  async issue(name: string, request: CertificateRequest): Promise<CertificateFiles> {
    return this.#store(name, await this.authority.issue(request));
  }

  /** Writes the key of a certificate again, encrypted with PASSPHRASE. */
  encryptKey(privateKeyPem: string): string {
    const key = createPrivateKey(privateKeyPem);
    const options = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: PASSPHRASE } as const;
    return this.file("encrypted-key.pem", key.export(options) as string);
  }

  /** Writes a file into the folder and gives its path; names are made unique. */
  file(name: string, content: string): string {
    const path = join(this.folder, `${this.#next++}-${name}`);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #next = 1;

  #store(name: string, issued: IssuedCertificate): CertificateFiles {
    return {
      ...issued,
      certificatePath: this.file(`${name}.pem`, issued.certificatePem),
      privateKeyPath: this.file(`${name}-key.pem`, issued.privateKeyPem),
    };
  }
}
