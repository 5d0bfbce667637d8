import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, createServer } from "node:net";
import { after, test } from "node:test";
import { systemClock } from "../../../src/clock.ts";
import { section } from "../../../src/config/parameters.ts";
import { NetworkError, TimeoutError, TlsError } from "../../../src/errors.ts";
import { CertificateAuthority } from "../../../src/tls/certificate-authority.ts";
import { createTlsConnector, type TlsConnector, type TlsTarget, tlsClientParameters } from "../../../src/tls/client.ts";
import { type CertificateFiles, PASSPHRASE, TestCertificates } from "../../support/certificates.ts";
import { configSection } from "../../support/config-section.ts";
import { startTransportServer } from "../../support/transport-server.ts";

const certificates = await TestCertificates.create();
after(() => certificates.remove());
const table = section(tlsClientParameters);
const POSITION = { file: "test.conf", line: 1 };

const otherAuthority = await CertificateAuthority.create({ commonName: "Other CA" });
const otherPath = certificates.file("other-ca.pem", otherAuthority.certificatePem);
const client = await certificates.client();
const server = await certificates.server();
const servers: Record<string, CertificateFiles> = {
  valid: server,
  expired: await certificates.expiredServer(),
  future: await certificates.server({ validFrom: new Date(Date.now() + 86_400_000) }),
  "other host": await certificates.server({ commonName: "other.example", names: ["other.example"] }),
  wildcard: await certificates.server({ commonName: "any", names: ["*.example.com"] }),
  "self-signed": await certificates.selfSigned(),
  "expired self-signed": await certificates.selfSigned({
    validFrom: new Date(Date.now() - 2 * 86_400_000),
    validUntil: new Date(Date.now() - 86_400_000),
  }),
  "for clients": await certificates.server({ usage: "client" }),
};
const trusted = { tls_cert_path: certificates.authorityPath };
const selfSignedPath = servers["self-signed"]!.certificatePath;

function connector(config: Record<string, string>) {
  return createTlsConnector(configSection(table, "", config), POSITION);
}

function target(port: number, serverName = "localhost"): TlsTarget {
  return { address: "127.0.0.1", port, serverName, timeoutMs: 10_000 };
}

type Case = [server: string, config: Record<string, string>, serverName: string, refused?: RegExp];

const trust: Case[] = [
  ["valid", trusted, "localhost"],
  ["valid", { tls_ca_cert_path: certificates.authorityPath }, "localhost"],
  ["valid", { tls_ca_cert_path: otherPath, tls_cert_path: certificates.authorityPath }, "localhost"],
  ["valid", { tls_cert_path: JSON.stringify([otherPath, certificates.authorityPath]) }, "localhost"],
  [
    "valid",
    { tls_ca_cert_path: certificates.authorityPath, tls_cert_path: otherPath },
    "localhost",
    /issuer is not known/,
  ],
  ["valid", {}, "localhost", /issuer is not known; .*tls_cert_path/],
  ["valid", { tls_cert_path: otherPath }, "localhost", /issuer is not known/],
  ["valid", { tls_allow_self_signed_cert: "true" }, "localhost", /issuer is not known/],
  ["valid", { tls_insecure_mode: "true" }, "localhost"],
  ["valid", trusted, "127.0.0.1"],
  [
    "valid",
    trusted,
    "node-1",
    /valid for DNS:localhost, IP Address:127\.0\.0\.1, not for node-1; .*tls_verify_hostname false/,
  ],
  ["valid", { ...trusted, tls_verify_hostname: "false" }, "node-1"],
  ["valid", trusted, "127.0.0.1:24224", /not for 127\.0\.0\.1:24224/],
  ["wildcard", trusted, "logs.example.com"],
  ["wildcard", trusted, "a.logs.example.com", /not for a\.logs\.example\.com/],
  ["other host", trusted, "localhost", /certificate: CN=other\.example/],
  ["other host", { tls_insecure_mode: "true" }, "localhost"],
  [
    "expired",
    trusted,
    "localhost",
    /127\.0\.0\.1:\d+ is not trusted: the certificate has expired; renew it.* \(its certificate: CN=localhost\)/,
  ],
  ["expired", { ...trusted, tls_verify_hostname: "false" }, "localhost", /has expired/],
  ["future", trusted, "localhost", /not valid yet/],
  ["self-signed", {}, "localhost", /is self-signed; .*tls_allow_self_signed_cert true/],
  ["self-signed", { tls_allow_self_signed_cert: "true" }, "localhost"],
  ["self-signed", { tls_cert_path: selfSignedPath }, "localhost"],
  ["self-signed", { tls_allow_self_signed_cert: "true" }, "elsewhere", /not for elsewhere/],
  ["expired self-signed", { tls_allow_self_signed_cert: "true" }, "localhost", /has expired/],
  ["for clients", trusted, "localhost", /not made for this purpose/],
];

for (const [name, config, serverName, refused] of trust) {
  const given = Object.entries(config).map(
    ([key, value]) => `${key} ${value.replaceAll(`${certificates.folder}/`, "")}`,
  );
  const title = `a server that is ${name}, reached as ${serverName}, with ${given.join(", ") || "defaults"}`;
  test(`${title} is ${refused ? "refused" : "trusted"}`, async (t) => {
    const { certificatePath, privateKeyPath } = servers[name]!;
    const identity = { cert_path: certificatePath, private_key_path: privateKeyPath };
    const { port } = await startTransportServer(t, "tls", identity);
    const connecting = connector(config).connect(target(port, serverName));
    if (refused) {
      await assert.rejects(connecting, (error) => error instanceof TlsError && refused.test(error.message));
    } else {
      const socket = await connecting;
      socket.write("ping");
      assert.equal(String((await once(socket, "data"))[0]), "ping");
      socket.destroy();
    }
  });
}

const clientIdentity = {
  tls_client_cert_path: client.certificatePath,
  tls_client_private_key_path: client.privateKeyPath,
};
const encryptedIdentity = {
  ...clientIdentity,
  tls_client_private_key_path: certificates.encryptKey(client.privateKeyPem),
  tls_client_private_key_passphrase: PASSPHRASE,
};
const clientCases: [config: Record<string, string>, sent: string | undefined][] = [
  [{ ...trusted, ...clientIdentity }, "test-client"],
  [{ ...trusted, ...encryptedIdentity }, "test-client"],
  [trusted, undefined],
  [{ ...clientIdentity, tls_insecure_mode: "true" }, undefined],
];

for (const [config, sent] of clientCases) {
  test(`with ${Object.keys(config).join(", ")} the client ${sent ? "shows" : "shows no"} certificate`, async (t) => {
    const { port, failures, connections, failed } = await startTransportServer(t, "tls", {
      cert_path: server.certificatePath,
      private_key_path: server.privateKeyPath,
      client_cert_auth: "true",
      ca_path: certificates.authorityPath,
    });
    const socket = await connector(config).connect(target(port));
    socket.write("ping");
    if (sent) {
      await once(socket, "data");
      assert.equal(connections.length, 1);
    } else {
      await failed(1);
      assert.match(failures[0]!.message, /the client sent no certificate/);
    }
    socket.destroy();
  });
}

for (const [version, spoken] of [
  ["TLSv1_2", "TLSv1.2"],
  ["TLSv1_3", "TLSv1.3"],
  ["TLS1_2", "TLSv1.2"],
  [undefined, "TLSv1.3"],
] as const) {
  test(`tls_version ${version ?? "absent"} speaks ${spoken}`, async (t) => {
    const { port } = await startTransportServer(t, "tls", { insecure: "true" });
    const socket = await connector({ tls_insecure_mode: "true", ...(version && { tls_version: version }) }).connect(
      target(port),
    );
    assert.equal(socket.getProtocol(), spoken);
    socket.destroy();
  });
}

test("a server without our TLS version is named with the remedy", async (t) => {
  const { port } = await startTransportServer(t, "tls", { insecure: "true", version: "TLSv1_2" });
  const connecting = connector({ tls_insecure_mode: "true", tls_version: "TLSv1_3" }).connect(target(port));
  await assert.rejects(connecting, /TLS handshake with 127\.0\.0\.1:\d+: no TLS version in common; check tls_version/);
});

test("SNI carries the server name, and never an address", async (t) => {
  const { port, connections } = await startTransportServer(t, "tls", { insecure: "true" });
  for (const [serverName, expected] of [
    ["logs.example.com", "logs.example.com"],
    ["127.0.0.1", false],
  ] as const) {
    const socket = await connector({ tls_insecure_mode: "true" }).connect(target(port, serverName));
    socket.write("ping");
    await once(socket, "data");
    assert.equal((connections.at(-1) as unknown as { servername: string | false }).servername, expected);
    socket.destroy();
  }
});

test("a port where nobody listens is a NetworkError that names it", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  await assert.rejects(connector({}).connect(target(port)), (error) => {
    return error instanceof NetworkError && error.message.includes(`127.0.0.1:${port}`);
  });
});

test("a server without TLS is told apart", async (t) => {
  const plain = createServer((socket) => socket.on("error", () => {}).end("hello, this is no TLS\n"));
  plain.listen(0, "127.0.0.1");
  await once(plain, "listening");
  t.after(() => plain.close());
  const { port } = plain.address() as { port: number };
  await assert.rejects(connector({}).connect(target(port)), (error) => {
    return error instanceof TlsError && error.message.includes("does not speak TLS on this port");
  });
});

test("a server that never answers the handshake is given up at the deadline", async (t) => {
  const silent = createServer((socket) => void socket.on("error", () => {}));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  let expire = () => {};
  const clock = {
    ...systemClock,
    after(_delayMs: number, action: () => void) {
      expire = action;
      return () => {};
    },
  };
  const { port } = silent.address() as { port: number };
  const connecting = createTlsConnector(configSection(table, "", {}), POSITION, clock).connect(target(port));
  await once(silent, "connection");
  expire();
  await assert.rejects(connecting, (error) => {
    return error instanceof TimeoutError && error.message === `no TLS connection to 127.0.0.1:${port} within 10000 ms`;
  });
});

const mistakes: [config: Record<string, string>, message: RegExp][] = [
  [{ tls_cert_path: "/nowhere/ca.pem" }, /test\.conf:1: tls_cert_path: \/nowhere\/ca\.pem does not exist/],
  [{ tls_ca_cert_path: "/nowhere/ca.pem" }, /tls_ca_cert_path: \/nowhere\/ca\.pem does not exist/],
  [{ tls_client_cert_path: client.certificatePath }, /tls_client_private_key_path go together/],
  [
    { ...encryptedIdentity, tls_client_private_key_passphrase: "no" },
    /tls_client_private_key_passphrase does not open it/,
  ],
  [{ ...clientIdentity, tls_client_private_key_path: server.privateKeyPath }, /does not belong to the certificate/],
  [{ tls_ciphers: "NONSENSE" }, /tls_ciphers: OpenSSL does not take/],
  [{ tls_cert_thumbprint: "ab" }, /certificate store of Windows is not read/],
];

for (const [config, message] of mistakes) {
  test(`${Object.keys(config).join(", ")}: a dry run says ${message.source}`, () => {
    assert.throws(() => connector(config), message);
  });
}

for (const version of ["TLSv1_2", "TLSv1_3"]) {
  test(`the second connection resumes the first (${version})`, async (t) => {
    const { port } = await startTransportServer(t, "tls", {
      cert_path: server.certificatePath,
      private_key_path: server.privateKeyPath,
    });
    const { connect } = connector({ ...trusted, tls_version: version });
    assert.deepEqual(await resumed(connect, port, 3), [false, true, true]);
  });
}

test("a server that fails a resumed handshake is asked afresh, and never offered a session again", async (t) => {
  const real = await startTransportServer(t, "tls", {
    cert_path: server.certificatePath,
    private_key_path: server.privateKeyPath,
  });
  let connections = 0;
  const proxy = createServer((inbound) => {
    connections += 1;
    inbound.on("error", () => {});
    if (connections === 2) {
      inbound.end(Buffer.from("15030300020228", "hex")); // alert: handshake failure
      return;
    }
    const outbound = connectTcp(real.port, "127.0.0.1");
    outbound.on("error", () => {});
    inbound.pipe(outbound).pipe(inbound);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  const { connect } = connector(trusted);
  const { port } = proxy.address() as { port: number };
  assert.deepEqual(await resumed(connect, port, 3), [false, false, false]);
  assert.equal(connections, 4);
});

test("a session of a server that is not trusted is not kept", async (t) => {
  const { port } = await startTransportServer(t, "tls", {
    cert_path: server.certificatePath,
    private_key_path: server.privateKeyPath,
  });
  const { connect } = connector({ tls_cert_path: otherPath });
  for (let n = 0; n < 2; n++) await assert.rejects(connect(target(port)), /issuer is not known/);
});

/** Has `path` be the system's authorities while `action` runs. */
async function withSystemAuthorities(path: string, action: () => Promise<void>): Promise<void> {
  const before = process.env.SSL_CERT_FILE;
  process.env.SSL_CERT_FILE = path;
  try {
    await action();
  } finally {
    if (before === undefined) delete process.env.SSL_CERT_FILE;
    else process.env.SSL_CERT_FILE = before;
  }
}

test("a server that only the system's authorities vouch for is trusted, and asked twice only at first", async (t) => {
  let connections = 0;
  const { port } = await startTransportServer(
    t,
    "tls",
    { cert_path: server.certificatePath, private_key_path: server.privateKeyPath },
    {
      admit() {
        connections += 1;
        return true;
      },
    },
  );
  await withSystemAuthorities(certificates.authorityPath, async () => {
    const known = connector(trusted);
    assert.deepEqual(await resumed(known.connect, port, 1), [false]);
    assert.equal(connections, 1);

    const { connect } = connector({ tls_cert_path: otherPath });
    await Promise.all([resumed(connect, port, 1), resumed(connect, port, 1)]);
    assert.equal(connections, 5);
    assert.deepEqual(await resumed(connect, port, 1), [true]);
    assert.equal(connections, 6);
  });
});

/** Connects one after the other, each for one echo; tells which connections were resumed. */
async function resumed(connect: TlsConnector["connect"], port: number, count: number): Promise<boolean[]> {
  const reused: boolean[] = [];
  for (let n = 0; n < count; n++) {
    const socket = await connect(target(port));
    reused.push(socket.isSessionReused());
    socket.write("x");
    await once(socket, "data"); // behind what TLS 1.3 gives after the handshake
    socket.end();
    await once(socket, "close");
  }
  return reused;
}
