/**
 * Makes certificates: self-signed ones, authorities, and what an authority issues. For `insecure`, `ca_cert_path`, the
 * demo and the tests. The only importer of @peculiar/x509, which is loaded when the first certificate is made: an agent
 * that is given its certificates never pays for it.
 */

import { createPrivateKey, type KeyObject, randomBytes, type webcrypto } from "node:crypto";
import { isIP } from "node:net";

type Keys = webcrypto.CryptoKeyPair;
type Algorithm = webcrypto.RsaHashedKeyGenParams | (webcrypto.EcKeyGenParams & { hash: string });

const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks of two machines differ; a certificate that is valid from this second would be refused by the slower one. */
const BACKDATE_MS = 60 * 60 * 1000;

/** A certificate and its key as PEM, PKCS#8 unencrypted: never to be logged. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly country?: string;
  readonly state?: string;
  readonly locality?: string;
  /** DNS names and IP addresses that it is valid for; without any, the common name. */
  readonly names?: readonly string[];
  /** Default "server". */
  readonly usage?: "server" | "client";
  /** Default an hour ago. */
  readonly validFrom?: Date;
  /** Default 30 days from now. */
  readonly validUntil?: Date;
  /** Default EC P-256. */
  readonly key?: "ec" | { readonly rsaBits: number };
  /** Digest of the signature as fluentd names it: sha256, sha384, sha512. Default sha256. */
  readonly digest?: string;
}

/** Issues certificates in the name of one authority. */
export class CertificateAuthority {
  readonly certificatePem: string;
  readonly #key: KeyObject;

  /** `certificatePem` is the authority's own certificate, `key` its private key. */
  constructor(certificatePem: string, key: KeyObject) {
    this.certificatePem = certificatePem;
    this.#key = key;
  }

  /** A new authority of its own. */
  static async create(request: CertificateRequest): Promise<CertificateAuthority> {
    const root = await selfSigned(request, true);
    return new CertificateAuthority(root.certificatePem, createPrivateKey(root.privateKeyPem));
  }

  get privateKeyPem(): string {
    return this.#key.export({ type: "pkcs8", format: "pem" }) as string;
  }

  /** A server or client certificate, signed by this authority; the authority's certificate is not appended. */
  async issue(request: CertificateRequest): Promise<IssuedCertificate> {
    const x509 = await library();
    const keys = await generateKeys(request);
    const authority = new x509.X509Certificate(this.certificatePem);
    const certificate = await x509.X509CertificateGenerator.create({
      ...common(request),
      subject: subject(request),
      issuer: authority.subjectName,
      publicKey: keys.publicKey,
      signingKey: await importKey(this.#key, request.digest),
      signingAlgorithm: signingAlgorithm(this.#key, request.digest),
      extensions: [
        ...(await leafExtensions(request, keys)),
        await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ],
    });
    return { certificatePem: `${certificate.toString("pem")}\n`, privateKeyPem: await exportKey(keys) };
  }
}

/** A certificate that vouches for itself. */
export function createSelfSigned(request: CertificateRequest): Promise<IssuedCertificate> {
  return selfSigned(request, false);
}

async function selfSigned(request: CertificateRequest, authority: boolean): Promise<IssuedCertificate> {
  const x509 = await library();
  const keys = await generateKeys(request);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(request),
    name: subject(request),
    keys,
    signingAlgorithm: keyAlgorithm(request),
    extensions: authority ? await authorityExtensions(keys) : await leafExtensions(request, keys),
  });
  return { certificatePem: `${certificate.toString("pem")}\n`, privateKeyPem: await exportKey(keys) };
}

async function library() {
  await import("reflect-metadata"); // @peculiar/x509 wants to find it when it is loaded
  return import("@peculiar/x509");
}

function common(request: CertificateRequest) {
  return {
    // Positive and never the same twice, as RFC 5280 section 4.1.2.2 asks.
    serialNumber: `01${randomBytes(15).toString("hex")}`,
    notBefore: request.validFrom ?? new Date(Date.now() - BACKDATE_MS),
    notAfter: request.validUntil ?? new Date(Date.now() + 30 * DAY_MS),
  };
}

function subject(request: CertificateRequest) {
  const parts: [string, string | undefined][] = [
    ["C", request.country],
    ["ST", request.state],
    ["L", request.locality],
    ["CN", request.commonName],
  ];
  return parts.flatMap(([name, value]) => (value ? [{ [name]: [value] }] : []));
}

async function authorityExtensions(keys: Keys) {
  const x509 = await library();
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
}

async function leafExtensions(request: CertificateRequest, keys: Keys) {
  const x509 = await library();
  const names = request.names ?? [request.commonName];
  const purpose = request.usage === "client" ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth;
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension([purpose]),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names.map(generalName))] : []),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
}

function generalName(value: string) {
  return { type: isIP(value) ? ("ip" as const) : ("dns" as const), value };
}

function keyAlgorithm({ key = "ec", digest }: CertificateRequest): Algorithm {
  const hash = hashName(digest);
  if (key === "ec") return { name: "ECDSA", namedCurve: "P-256", hash };
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: "RSASSA-PKCS1-v1_5", modulusLength: key.rsaBits, publicExponent, hash };
}

function signingAlgorithm(key: KeyObject, digest: string | undefined): Algorithm {
  const { namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  const curves: Record<string, string> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };
  const hash = hashName(digest);
  if (key.asymmetricKeyType === "ec") return { name: "ECDSA", namedCurve: curves[namedCurve] ?? namedCurve, hash };
  return { name: "RSASSA-PKCS1-v1_5", hash } as Algorithm;
}

/** `sha256` is SHA-256 to Web Crypto. Throws Error for digests that certificates are not signed with any more. */
export function hashName(digest = "sha256"): string {
  const match = /^sha-?(256|384|512)$/i.exec(digest);
  if (!match) throw new Error(`valid options are sha256,sha384,sha512 but got ${digest}`);
  return `SHA-${match[1]}`;
}

function generateKeys(request: CertificateRequest): Promise<Keys> {
  return globalThis.crypto.subtle.generateKey(keyAlgorithm(request), true, ["sign", "verify"]) as Promise<Keys>;
}

function importKey(key: KeyObject, digest: string | undefined) {
  const bytes = key.export({ type: "pkcs8", format: "der" });
  return globalThis.crypto.subtle.importKey("pkcs8", bytes, signingAlgorithm(key, digest), false, ["sign"]);
}

async function exportKey(keys: Keys): Promise<string> {
  const bytes = Buffer.from(await globalThis.crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return createPrivateKey({ key: bytes, format: "der", type: "pkcs8" }).export({
    type: "pkcs8",
    format: "pem",
  }) as string;
}
