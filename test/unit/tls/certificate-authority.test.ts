import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { CertificateAuthority, createSelfSigned } from "../../../src/tls/certificate-authority.ts";

const names = ["collector.example.com", "10.1.2.3", "::1"];

for (const key of ["ec", { rsaBits: 2048 }] as const) {
  const kind = key === "ec" ? "EC" : "RSA";

  test(`an ${kind} authority issues certificates that OpenSSL verifies with it`, async () => {
    const authority = await CertificateAuthority.create({ commonName: "Example CA", key });
    const issued = await authority.issue({ commonName: "collector", names, key });

    const root = new X509Certificate(authority.certificatePem);
    const leaf = new X509Certificate(issued.certificatePem);
    assert.ok(leaf.verify(root.publicKey));
    assert.ok(leaf.checkIssued(root));
    assert.ok(root.ca && !leaf.ca);
    assert.ok(leaf.checkPrivateKey(createPrivateKey(issued.privateKeyPem)));
    assert.equal(leaf.checkHost("collector.example.com"), "collector.example.com");
    assert.equal(leaf.checkIP("10.1.2.3"), "10.1.2.3");
    assert.equal(leaf.checkIP("::1"), "::1");
  });
}

test("an authority of one key type issues certificates of another", async () => {
  const authority = await CertificateAuthority.create({ commonName: "RSA CA", key: { rsaBits: 2048 } });
  const { certificatePem } = await authority.issue({ commonName: "leaf", key: "ec", digest: "sha384" });
  const leaf = new X509Certificate(certificatePem);
  assert.equal(leaf.publicKey.asymmetricKeyType, "ec");
  assert.ok(leaf.verify(new X509Certificate(authority.certificatePem).publicKey));
});

test("an authority that was read back from PEM goes on issuing", async () => {
  const made = await CertificateAuthority.create({ commonName: "Kept CA" });
  const read = new CertificateAuthority(made.certificatePem, createPrivateKey(made.privateKeyPem));
  const { certificatePem } = await read.issue({ commonName: "later" });
  assert.ok(new X509Certificate(certificatePem).checkIssued(new X509Certificate(made.certificatePem)));
});

test("the subject, the validity and the purpose are as asked for", async () => {
  const { certificatePem } = await createSelfSigned({
    commonName: "node-1",
    country: "US",
    state: "CA",
    locality: "Mountain View",
    usage: "client",
    validFrom: new Date("2026-01-01T00:00:00Z"),
    validUntil: new Date("2027-01-01T00:00:00Z"),
  });
  const certificate = new X509Certificate(certificatePem);
  assert.equal(certificate.subject, "C=US\nST=CA\nL=Mountain View\nCN=node-1");
  assert.equal(certificate.validFrom, "Jan  1 00:00:00 2026 GMT");
  assert.equal(certificate.validTo, "Jan  1 00:00:00 2027 GMT");
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  assert.ok(certificate.verify(certificate.publicKey));
});

test("two certificates never have the same serial number", async () => {
  const authority = await CertificateAuthority.create({ commonName: "CA" });
  const [one, two] = await Promise.all([authority.issue({ commonName: "a" }), authority.issue({ commonName: "a" })]);
  assert.notEqual(
    new X509Certificate(one.certificatePem).serialNumber,
    new X509Certificate(two.certificatePem).serialNumber,
  );
});

test("a digest that certificates are not signed with is refused", async () => {
  await assert.rejects(createSelfSigned({ commonName: "a", digest: "md5" }), /valid options are sha256,sha384,sha512/);
});
