import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { after, test } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import { failureCode } from "../../../src/tls/handshake-failure.ts";
import { checkTransport, transportTable } from "../../../src/tls/transport.ts";
import { PASSPHRASE, TestCertificates } from "../../support/certificates.ts";
import { configSection } from "../../support/config-section.ts";
import { startTransportServer } from "../../support/transport-server.ts";

const certificates = await TestCertificates.create();
after(() => certificates.remove());
const server = await certificates.server();
const rsaServer = await certificates.server({ key: { rsaBits: 2048 } });
const client = await certificates.client();
const stranger = await certificates.selfSigned({ commonName: "stranger", usage: "client" });
const identity = { cert_path: server.certificatePath, private_key_path: server.privateKeyPath };
const rsaIdentity = { cert_path: rsaServer.certificatePath, private_key_path: rsaServer.privateKeyPath };
const ca = certificates.authority.certificatePem;

/** Connects, sends a word and waits for its echo: only that shows that the server took the connection. */
async function echo(port: number, options: ConnectionOptions = {}) {
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca, ...options });
  socket.write("hello");
  const closed = once(socket, "close").then(() => Promise.reject(new Error("closed")));
  const [data] = await Promise.race([once(socket, "data"), closed]);
  assert.equal(String(data), "hello");
  closed.catch(() => {});
  const spoken = { protocol: socket.getProtocol(), cipher: socket.getCipher().name };
  socket.destroy();
  return spoken;
}

const TLS_1_1 = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
const TLS_1_2 = { maxVersion: "TLSv1.2" } as const;
const TLS_1_3 = { minVersion: "TLSv1.3" } as const;
const ANY = {};
const FLUENTD_CIPHERS = "ALL:!aNULL:!eNULL:!SSLv2";

const versions: [config: Record<string, string>, client: ConnectionOptions, spoken: string | undefined][] = [
  [{}, ANY, "TLSv1.3"],
  [{}, TLS_1_2, "TLSv1.2"],
  [{}, TLS_1_1, undefined],
  [{ version: "TLSv1_2" }, ANY, "TLSv1.2"],
  [{ version: "TLSv1_2" }, TLS_1_3, undefined],
  [{ version: "TLS1_2" }, ANY, "TLSv1.2"],
  [{ version: "TLSv1_3" }, ANY, "TLSv1.3"],
  [{ version: "TLS1_3" }, TLS_1_2, undefined],
  [{ min_version: "TLSv1_2", max_version: "TLSv1_3" }, ANY, "TLSv1.3"],
  [{ min_version: "TLSv1_1", max_version: "TLSv1_2" }, TLS_1_1, undefined],
  [{ min_version: "TLSv1_1", max_version: "TLSv1_2" }, ANY, "TLSv1.2"],
  [{ version: "TLSv1_3", min_version: "TLSv1_2", max_version: "TLSv1_2" }, ANY, "TLSv1.2"],
  [{ ciphers: FLUENTD_CIPHERS }, ANY, "TLSv1.3"],
  [{ ciphers: FLUENTD_CIPHERS }, TLS_1_2, "TLSv1.2"],
  [{ ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, TLS_1_2, "TLSv1.2"],
  [{ ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, { ...TLS_1_2, ciphers: "AES256-SHA" }, undefined],
];

for (const [config, options, spoken] of versions) {
  const title = `${JSON.stringify(config)} with a client of ${JSON.stringify(options)}`;
  test(`${title} ${spoken ? `speaks ${spoken}` : "is refused, and reported once"}`, async (t) => {
    const { port, failures, failed } = await startTransportServer(t, "tls", { ...rsaIdentity, ...config });
    if (spoken) {
      assert.equal((await echo(port, options)).protocol, spoken);
      assert.deepEqual(failures, []);
    } else {
      await assert.rejects(echo(port, options), (error) => /^ERR_SSL/.test(failureCode(error)));
      await failed(1);
      assert.equal(failures.length, 1);
      assert.match(
        failures[0]!.message,
        /^TLS handshake with 127\.0\.0\.1:\d+ failed: no (TLS version|cipher) in common/,
      );
    }
  });
}

test("a cipher that the configuration names is the one that is used", async (t) => {
  const { port } = await startTransportServer(t, "tls", { ...rsaIdentity, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" });
  assert.equal((await echo(port, TLS_1_2)).cipher, "ECDHE-RSA-AES128-GCM-SHA256");
});

test("the whole chain of cert_path is sent", async (t) => {
  const cert_path = certificates.file("chain.pem", server.certificatePem + certificates.authority.certificatePem);
  const { port } = await startTransportServer(t, "tls", { ...identity, cert_path });
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerCertificate(true).issuerCertificate.subject.CN, "Test CA");
  socket.destroy();
});

test("an encrypted key opens with its passphrase", async (t) => {
  const private_key_path = certificates.encryptKey(server.privateKeyPem);
  const config = { ...identity, private_key_path, private_key_passphrase: PASSPHRASE };
  await echo((await startTransportServer(t, "tls", config)).port);
});

test("insecure without a certificate serves a self-signed one, made at start", async (t) => {
  const { port } = await startTransportServer(t, "tls", {
    insecure: "true",
    generate_cert_common_name: "made.example",
  });
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject, subjectaltname, bits } = socket.getPeerCertificate();
  assert.deepEqual({ ...subject }, { C: "US", ST: "CA", L: "Mountain View", CN: "made.example" });
  assert.match(subjectaltname ?? "", /DNS:made\.example, DNS:localhost/);
  assert.equal(bits, 2048);
  socket.destroy();
});

test("an authority of the user's issues the server's certificate at start", async (t) => {
  const config = {
    ca_cert_path: certificates.authorityPath,
    ca_private_key_path: certificates.encryptKey(certificates.authority.privateKeyPem),
    ca_private_key_passphrase: PASSPHRASE,
    generate_cert_common_name: "issued.example",
  };
  const { port } = await startTransportServer(t, "tls", config);
  await echo(port, { servername: "issued.example" });
});

const openssl = spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not installed";

for (const source of ["insecure", "authority"] as const) {
  test(`openssl verifies the certificate that is made at start (${source})`, { skip: openssl }, async (t) => {
    const made = {
      insecure: { insecure: "true" },
      authority: {
        ca_cert_path: certificates.authorityPath,
        ca_private_key_path: certificates.file("ca-key.pem", certificates.authority.privateKeyPem),
      },
    }[source];
    const { port } = await startTransportServer(t, "tls", { ...made, generate_cert_common_name: "localhost" });
    const child = await runOpenssl(["s_client", "-connect", `127.0.0.1:${port}`, "-verify_hostname", "localhost"]);
    const expected = source === "insecure" ? /self[- ]signed certificate/ : /Verify return code: 0 \(ok\)/;
    assert.match(child, expected);
    assert.doesNotMatch(child, /hostname mismatch/i);
  });
}

async function runOpenssl(args: string[]): Promise<string> {
  const { spawn } = await import("node:child_process");
  const child = spawn("openssl", [...args, "-CAfile", certificates.authorityPath]);
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  child.stdin.end();
  await once(child, "close");
  return output;
}

const clientCertificates = [
  { name: "a client certificate of the right CA", options: { cert: client.certificatePem, key: client.privateKeyPem } },
  { name: "no client certificate", options: {}, refused: /the client sent no certificate; give it one/ },
  {
    name: "a client certificate that vouches for itself",
    options: { cert: stranger.certificatePem, key: stranger.privateKeyPem },
    refused: /the certificate is self-signed/,
  },
  {
    name: "a server certificate in the place of a client's",
    options: { cert: server.certificatePem, key: server.privateKeyPem },
    refused: /the certificate is not made for this purpose/,
  },
];

for (const { name, options, refused } of clientCertificates) {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`client_cert_auth ${refused ? "refuses" : "accepts"} ${name} (${maxVersion})`, async (t) => {
      const config = { ...identity, client_cert_auth: "true", ca_path: certificates.authorityPath };
      const { port, failures, connections, failed } = await startTransportServer(t, "tls", config);
      if (!refused) return void (await echo(port, { ...options, maxVersion }));
      await assert.rejects(echo(port, { ...options, maxVersion }));
      await failed(1);
      assert.equal(failures.length, 1);
      assert.match(failures[0]!.message, refused);
      assert.equal(connections.length, 0);
    });
  }
}

test("client_cert_auth without ca_path trusts the system's authorities, and so nobody of ours", async (t) => {
  const { port, failures, failed } = await startTransportServer(t, "tls", { ...identity, client_cert_auth: "true" });
  await assert.rejects(echo(port, { cert: client.certificatePem, key: client.privateKeyPem }));
  await failed(1);
  assert.match(failures[0]!.message, /the CA that issues the clients' certificates into ca_path/);
});

const strangers = [
  { name: "hangs up before it says anything", bytes: "", silent: true, message: /the peer closed the connection/ },
  { name: "hangs up within the handshake", bytes: "\x16", silent: false, message: /the peer closed the connection/ },
  { name: "speaks HTTP", bytes: "GET / HTTP/1.1\r\n\r\n", silent: false, message: /the peer sent an HTTP request/ },
  {
    name: "speaks something else",
    bytes: "\x93\xa1a\x00\x80\x80\x80\x80",
    silent: false,
    message: /does not speak TLS/,
  },
];

for (const { name, bytes, silent, message } of strangers) {
  test(`a peer that ${name} is reported once with its address, and the server goes on`, async (t) => {
    const { port, failures, failed } = await startTransportServer(t, "tls", identity);
    const socket = createConnection(port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    const { localPort } = socket;
    socket.end(Buffer.from(bytes, "latin1"));
    await failed(1);
    await echo(port);
    assert.deepEqual(
      failures.map((failure) => [failure.peer, failure.silent]),
      [[`127.0.0.1:${localPort}`, silent]],
    );
    assert.match(failures[0]!.message, message);
  });
}

test("a peer that never speaks is cut off at the handshake deadline", async (t) => {
  const { port, failures, failed } = await startTransportServer(t, "tls", identity, { handshakeTimeoutMs: 20 });
  const socket = createConnection(port, "127.0.0.1").on("error", () => {});
  await Promise.all([once(socket, "close"), failed(1)]);
  assert.match(failures[0]!.message, /no TLS handshake within the time allowed/);
  assert.equal(failures[0]!.silent, false);
});

test("tcp, and no argument, serve plain connections", async (t) => {
  for (const argument of ["tcp", ""]) {
    const { port } = await startTransportServer(t, argument, {});
    const socket = createConnection(port, "127.0.0.1");
    socket.write("plain");
    assert.equal(String((await once(socket, "data"))[0]), "plain");
    socket.destroy();
  }
});

const bundle = certificates.file("not-a-certificate.pem", "hello\n");
const encrypted = certificates.encryptKey(server.privateKeyPem);

const mistakes: [config: Record<string, string>, line: number, message: string][] = [
  [{}, 1, "no valid cert options configured. specify either 'ca_cert_path', 'cert_path' or 'insecure'"],
  [{ cert_path: server.certificatePath }, 2, "private_key_path is required when cert_path is specified"],
  [{ ca_cert_path: "/x" }, 2, "ca_private_key_path is required when ca_cert_path is specified"],
  [{ ...identity, cert_path: "/nowhere/a.pem" }, 2, "cert_path: /nowhere/a.pem does not exist; create it or correct"],
  [{ ...identity, private_key_path: "/nowhere/b.pem" }, 3, "private_key_path: /nowhere/b.pem does not exist"],
  [{ ...identity, cert_path: bundle }, 2, `cert_path: ${bundle} holds no certificate that can be read`],
  [{ ...identity, private_key_path: bundle }, 3, `cannot read the private key ${bundle}; give a PEM file`],
  [{ ...identity, private_key_path: encrypted }, 3, "it is encrypted: set private_key_passphrase"],
  [
    { ...identity, private_key_path: encrypted, private_key_passphrase: "not this" },
    3,
    "it is encrypted and private_key_passphrase does not open it",
  ],
  [{ ...identity, private_key_path: client.privateKeyPath }, 2, "does not belong to the certificate"],
  [{ ...identity, client_cert_auth: "true", ca_path: "/nowhere/ca.pem" }, 5, "ca_path: /nowhere/ca.pem does not exist"],
  [{ ...identity, min_version: "TLSv1_2" }, 4, "When you set min_version, must set max_version together"],
  [{ ...identity, max_version: "TLSv1_2" }, 4, "When you set max_version, must set min_version together"],
  [{ ...identity, version: "SSLv3" }, 4, "valid options are TLSv1_2,TLSv1_3 but got SSLv3"],
  [{ ...identity, version: "TLSv1_1" }, 4, "TLS 1.1 is not secure and not spoken (RFC 8996): write TLSv1_2"],
  [{ ...identity, ciphers: "NONSENSE" }, 4, "ciphers: OpenSSL does not take 'NONSENSE'"],
  [{ ...identity, cert_verifier: "/x.rb" }, 4, "'cert_verifier' is not supported: it is a Ruby program"],
  [{ ...identity, ensure_fips: "true" }, 4, "Cannot enable FIPS compliant mode."],
  [{ insecure: "true", generate_private_key_length: "512" }, 3, "TLS takes RSA keys of 2048 to 8192 bits"],
  [{ insecure: "true", generate_cert_digest: "md5" }, 3, "valid options are sha256,sha384,sha512 but got md5"],
];

for (const [config, line, message] of mistakes) {
  test(`a dry run finds: ${message.replace(certificates.folder, "")}`, () => {
    assert.throws(
      () => checkTransport(configSection(transportTable, "tls", config)),
      (error: Error) => {
        assert.ok(error.message.startsWith(`test.conf:${line}: `), error.message);
        assert.ok(error.message.includes(message), error.message);
        assert.ok(!error.message.includes("not this"));
        return true;
      },
    );
  });
}

test("a transport that is neither tcp nor tls is refused", () => {
  assert.throws(() => checkTransport(configSection(transportTable, "quic", {})), /unknown transport 'quic'/);
});
