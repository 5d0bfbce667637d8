/** `suiro cert`: openssl verifies what it makes, and a real fluentd receiver serves and asks for it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function cert(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [suiroEntry, "cert", ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

function openssl(...args: string[]): string {
  const { stdout, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  return stdout + stderr;
}

for (const rsa of [[], ["--rsa", "2048"]]) {
  test(`openssl verifies server and client certificates${rsa.length > 0 ? " with RSA keys" : ""}`, () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    assert.equal(cert("ca", folder, ...rsa).status, 0);
    assert.equal(cert("server", folder, "log.example", "192.0.2.7", ...rsa).status, 0);
    assert.equal(cert("client", folder, "gke", ...rsa).status, 0);
    const verify = (...more: string[]) => openssl("verify", "-x509_strict", "-CAfile", at("ca_cert.pem"), ...more);
    const server = ["-purpose", "sslserver", at("server_cert.pem")];
    assert.match(verify("-verify_hostname", "log.example", ...server), /: OK/);
    assert.match(verify("-verify_ip", "192.0.2.7", ...server), /: OK/);
    assert.match(verify("-verify_hostname", "other.example", ...server), /hostname mismatch/);
    assert.match(verify("-purpose", "sslclient", at("client_cert.pem")), /: OK/);
    assert.doesNotMatch(verify("-purpose", "sslserver", at("client_cert.pem")), /: OK/);
    for (const kind of ["ca", "server", "client"]) assert.equal(statSync(at(`${kind}_key.pem`)).mode & 0o777, 0o600);
  });
}

test("the authority's key is encrypted with a passphrase, without which nothing is issued", () => {
  const folder = join(temporaryFolder(), "new");
  assert.equal(cert("ca", folder, "--passphrase", "s3cret").status, 0);
  assert.match(readFileSync(join(folder, "ca_key.pem"), "utf8"), /ENCRYPTED PRIVATE KEY/);
  const refused = cert("server", folder, "log.example");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /cannot use the authority's key .*ca_key\.pem.*--passphrase/);
  assert.equal(cert("server", folder, "log.example", "--passphrase", "s3cret").status, 0);
});

test("nothing is replaced unasked, and no certificate is made without an authority", () => {
  const folder = temporaryFolder();
  assert.match(cert("server", folder, "a").stderr, /make the authority first, with suiro cert ca/);
  assert.equal(cert("ca", folder).status, 0);
  const before = readFileSync(join(folder, "ca_key.pem"));
  assert.match(cert("ca", folder).stderr, /is there already; --force replaces it/);
  assert.deepEqual(readFileSync(join(folder, "ca_key.pem")), before);
  assert.equal(cert("ca", folder, "--force").status, 0);
  assert.notDeepEqual(readFileSync(join(folder, "ca_key.pem")), before);
});

test("a fluentd receiver with client_cert_auth takes events from a sender with a client certificate, and no others", {
  skip: withoutFluentd,
}, async (context) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder, "tls", name);
  mkdirSync(at(""));
  assert.equal(cert("ca", at("")).status, 0);
  assert.equal(cert("server", at(""), "localhost", "127.0.0.1").status, 0);
  assert.equal(cert("client", at(""), "gke").status, 0);
  const port = await freePort();
  const receiver = join(folder, "receiver.conf");
  writeFileSync(receiver, `
    <source>
      @type forward
      port ${port}
      bind 127.0.0.1
      <transport tls>
        cert_path ${at("server_cert.pem")}
        private_key_path ${at("server_key.pem")}
        client_cert_auth true
        ca_path ${at("ca_cert.pem")}
      </transport>
    </source>
    <match **>
      @type stdout
    </match>
  `); // biome-ignore format: a configuration
  const fluentd = await startFluentd(receiver);
  context.after(() => fluentd.stop("SIGKILL"));
  const sender = (name: string, client: string) => {
    const path = join(folder, `${name}.conf`);
    writeFileSync(path, `
      <source>
        @type sample
        tag from.${name}
        auto_increment_key n
      </source>
      <match from.**>
        @type forward
        transport tls
        tls_cert_path ${at("ca_cert.pem")}
        ${client}
        require_ack_response true
        <server>\n host localhost\n port ${port}\n </server>
        <buffer tag>
          @type memory
          flush_interval 0.1
          retry_wait 0.1
          flush_at_shutdown false
        </buffer>
      </match>
    `); // biome-ignore format: a configuration
    return startSuiro(path);
  };
  const unknown = await sender("unknown", "");
  context.after(() => unknown.stop("SIGKILL"));
  await unknown.waitFor(/failed to flush the buffer/);
  const keys = `tls_client_cert_path ${at("client_cert.pem")}\ntls_client_private_key_path ${at("client_key.pem")}`;
  const known = await sender("known", keys);
  context.after(() => known.stop("SIGKILL"));
  await fluentd.waitFor(/from\.known: \{.*"n":0/);
  assert.doesNotMatch(fluentd.output, /from\.unknown/);
});
