/** What `suiro cert` makes of names and days; test/interop/cert.test.ts shows that fluentd and openssl take it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { suiroEntry } from "../../support/suiro.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function cert(folder: string, ...args: string[]) {
  const [kind = "", ...rest] = args;
  return spawnSync(process.execPath, [suiroEntry, "cert", kind, folder, ...rest], { encoding: "utf8" });
}

const read = (folder: string, kind: string) => new X509Certificate(readFileSync(join(folder, `${kind}_cert.pem`)));

test("names beyond ASCII stand in a certificate as senders compare them; what is no name is refused", () => {
  const folder = temporaryFolder();
  assert.equal(cert(folder, "ca").status, 0);
  assert.equal(cert(folder, "server", "日本.example", "*.example.net", "::1", "a_b").status, 0);
  const server = read(folder, "server");
  assert.equal(server.subjectAltName, "DNS:xn--wgv71a.example, DNS:*.example.net, IP Address:0:0:0:0:0:0:0:1, DNS:a_b");
  assert.ok(server.checkHost("xn--wgv71a.example") && server.checkHost("logs.example.net"));
  for (const wrong of ["a b", "logs.example:24224", "https://logs.example", "a..b", "-", ""]) {
    const { status, stderr } = cert(folder, "server", "--force", "good.example", wrong);
    assert.equal(status, 1, wrong);
    assert.match(stderr, /is no host name and no IP address/);
  }
  assert.equal(read(folder, "server").fingerprint, server.fingerprint, "what was there stays");
});

test("a client may have any name; one that is no host name is only its subject", () => {
  const folder = temporaryFolder();
  cert(folder, "ca");
  assert.equal(cert(folder, "client", "Node 7, Tōkyō").status, 0);
  const client = read(folder, "client");
  assert.equal(client.subjectAltName, undefined);
  assert.match(client.subject, /CN=Node 7\\?, Tōkyō/);
  assert.equal(cert(folder, "client", "--force", "gke-cluster-1").status, 0);
  assert.equal(read(folder, "client").subjectAltName, "DNS:gke-cluster-1");
});

test("nothing is valid for longer than its authority", () => {
  const folder = temporaryFolder();
  cert(folder, "ca", "--days", "30");
  const { stdout } = cert(folder, "server", "localhost");
  assert.equal(read(folder, "server").validTo, read(folder, "ca").validTo);
  assert.match(stdout, /made .*, valid until \d{4}-\d\d-\d\d$/m);
  cert(folder, "client", "c", "--days", "2");
  assert.ok(Date.parse(read(folder, "client").validTo) < Date.now() + 3 * 24 * 60 * 60 * 1000);
});
