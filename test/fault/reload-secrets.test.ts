/** Certificates and shared keys that are replaced while the agent runs, on both sides of a connection. */

import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { EventTime } from "../../src/event/event-time.ts";
import { RELOAD_INTERVAL_MS } from "../../src/file-reload.ts";
import { encodePing, readHelo } from "../../src/forward-protocol/handshake.ts";
import { CertificateAuthority } from "../../src/tls/certificate-authority.ts";
import { type CertificateFiles, TestCertificates } from "../support/certificates.ts";
import { configElement, startForwardInput } from "../support/forward-input.ts";
import { server, startForwardWriter } from "../support/forward-writer.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { chunkOf } from "../support/plain-chunk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const certificates = await TestCertificates.create();
after(() => certificates.remove());

/** Moves time until a change that has been made is in use. */
async function reloaded(clock: ManualClock): Promise<void> {
  for (const _ of [1, 2]) {
    clock.advance(RELOAD_INTERVAL_MS);
    await settle();
  }
}

/** Puts a certificate and its key where the agent reads them. */
function install(folder: string, files: CertificateFiles): { cert_path: string; private_key_path: string } {
  const paths = { cert_path: join(folder, "tls.crt"), private_key_path: join(folder, "tls.key") };
  copyFileSync(files.certificatePath, paths.cert_path);
  copyFileSync(files.privateKeyPath, paths.private_key_path);
  return paths;
}

/** The common name that the server shows to a new connection, or "refused". */
function shownName(
  t: TestContext,
  port: number,
  client: Partial<Record<"cert" | "key", string>> = {},
): Promise<string> {
  const ca = certificates.authority.certificatePem;
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ port, host: "127.0.0.1", ca, ...client });
    t.after(() => socket.destroy());
    socket.on("error", () => resolve("refused"));
    socket.on("close", () => resolve("refused"));
    socket.on("secureConnect", () => {
      const name = String(socket.getPeerCertificate().subject.CN);
      // With TLS 1.3 a server that refuses a client's certificate says so behind the handshake, in place of a session.
      if (Object.keys(client).length === 0) resolve(name);
      else socket.once("session", () => resolve(name));
    });
  });
}

test("a server certificate that is replaced is shown to new connections; open ones go on", async (t) => {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const transport = configElement("transport", install(folder, await certificates.server()), [], "tls");
  const { port, log } = await startForwardInput(t, { children: [transport], clock });
  const open = connect({ port, host: "127.0.0.1", ca: certificates.authority.certificatePem });
  t.after(() => open.destroy());
  assert.equal(await shownName(t, port), "localhost");
  install(folder, await certificates.server({ commonName: "renewed" }));
  await reloaded(clock);
  assert.equal(await shownName(t, port), "renewed");
  assert.equal(open.destroyed, false);
  assert.match(log.join(), /certificates were read again/);
});

test("a certificate whose key is not there yet, or is broken, is not used and complained of; the old one stays", async (t) => {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const paths = install(folder, await certificates.server());
  const { port, log } = await startForwardInput(t, { children: [configElement("transport", paths, [], "tls")], clock });
  const next = await certificates.server({ commonName: "renewed" });
  copyFileSync(next.certificatePath, paths.cert_path);
  await reloaded(clock);
  assert.equal(await shownName(t, port), "localhost");
  writeFileSync(paths.private_key_path, "no key");
  await reloaded(clock);
  assert.equal(await shownName(t, port), "localhost");
  assert.equal(log.filter((line) => /certificates cannot be used, those from before stay in use/.test(line)).length, 2);
  copyFileSync(next.privateKeyPath, paths.private_key_path);
  await reloaded(clock);
  assert.equal(await shownName(t, port), "renewed");
});

test("the authorities that clients are checked with are replaced, too", async (t) => {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const other = await CertificateAuthority.create({ commonName: "Other CA" });
  const caPath = join(folder, "ca.crt");
  writeFileSync(caPath, certificates.authority.certificatePem);
  const values = { ...install(folder, await certificates.server()), client_cert_auth: "true", ca_path: caPath };
  const { port } = await startForwardInput(t, { children: [configElement("transport", values, [], "tls")], clock });
  const identity = async (authority: CertificateAuthority) => {
    const issued = await authority.issue({ commonName: "client", usage: "client" });
    return { cert: issued.certificatePem, key: issued.privateKeyPem };
  };
  const [ours, theirs] = [await identity(certificates.authority), await identity(other)];
  assert.equal(await shownName(t, port, ours), "localhost");
  assert.equal(await shownName(t, port, theirs), "refused");
  writeFileSync(caPath, other.certificatePem);
  await reloaded(clock);
  assert.equal(await shownName(t, port, ours), "refused");
  assert.equal(await shownName(t, port, theirs), "localhost");
});

test("an output trusts a new authority, and shows a new client certificate, once their files are replaced", async (t) => {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const other = await CertificateAuthority.create({ commonName: "Other CA" });
  const trusted = join(folder, "trusted.crt");
  writeFileSync(trusted, certificates.authority.certificatePem);
  const own = install(folder, await certificates.client());
  const receiver = async (authority: CertificateAuthority) => {
    const issued = await authority.issue({ commonName: "localhost", names: ["127.0.0.1"] });
    const cert_path = certificates.file("r.crt", issued.certificatePem);
    const private_key_path = certificates.file("r.key", issued.privateKeyPem);
    const ca_path = certificates.file("ca.crt", authority.certificatePem);
    const values = { cert_path, private_key_path, client_cert_auth: "true", ca_path };
    return startForwardInput(t, { children: [configElement("transport", values, [], "tls")] });
  };
  const [before, after] = [await receiver(certificates.authority), await receiver(other)];
  const values = {
    transport: "tls",
    require_ack_response: true,
    tls_cert_path: trusted,
    tls_client_cert_path: own.cert_path,
    tls_client_private_key_path: own.private_key_path,
  };
  const sender = (port: number) => startForwardWriter(t, values, [server(port)], clock);
  const chunk = chunkOf([{ time: new EventTime(1, 2), record: { a: 1 } }]);
  const [toBefore, toAfter] = [await sender(before.port), await sender(after.port)];
  await toBefore.write(chunk);
  await assert.rejects(toAfter.write(chunk), /not trusted/);
  const issued = await other.issue({ commonName: "client", usage: "client" });
  writeFileSync(own.cert_path, issued.certificatePem);
  writeFileSync(own.private_key_path, issued.privateKeyPem);
  writeFileSync(trusted, other.certificatePem);
  await reloaded(clock);
  await toAfter.write(chunk);
  await assert.rejects(toBefore.write(chunk), /not trusted/);
});

test("shared keys of a file: all of its lines are valid, and those of today only", async (t) => {
  const path = join(temporaryFolder(), "shared-key");
  const clock = new ManualClock();
  writeFileSync(path, "old\n");
  const security = configElement("security", { self_hostname: "server", shared_key_path: path });
  const { connect: open, log, counters } = await startForwardInput(t, { children: [security], clock });
  const isIn = async (sharedKey: string) => {
    const peer = await open();
    const helo = readHelo(await peer.take(65));
    peer.send(encodePing(helo, "salt", { selfHostname: "client", sharedKey, username: "", password: "" }));
    return (await peer.take(7)).at(-1) === 0xc3;
  };
  assert.deepEqual([await isIn("old"), await isIn("new")], [true, false]);
  writeFileSync(path, "new\nold\n");
  await reloaded(clock);
  assert.deepEqual([await isIn("old"), await isIn("new")], [true, true]);
  writeFileSync(path, "\n");
  await reloaded(clock);
  assert.deepEqual([await isIn("old"), await isIn("new")], [true, true]);
  writeFileSync(path, "new");
  await reloaded(clock);
  assert.deepEqual([await isIn("old"), await isIn("new")], [false, true]);
  assert.equal(counters.get("connections_refused", "handshake"), 2);
  assert.doesNotMatch(log.join(), /"(old|new)"/);
  assert.match(log.join(), /shared keys cannot be used, those from before stay in use/);
});

test("an output proves itself with the first key of its file, and takes up a new one", async (t) => {
  const path = join(temporaryFolder(), "shared-key");
  const clock = new ManualClock();
  writeFileSync(path, "new\n");
  const wants = configElement("security", { self_hostname: "server", shared_key: "newer" });
  const { port, emitter } = await startForwardInput(t, { children: [wants] });
  const ours = ["security", { self_hostname: "client", shared_key_path: path }] as const;
  const { write } = await startForwardWriter(t, { require_ack_response: true }, [server(port), ours], clock);
  const chunk = chunkOf([{ time: new EventTime(1, 2), record: { a: 1 } }]);
  await assert.rejects(write(chunk), /shared_key mismatch/);
  writeFileSync(path, "newer\nnew\n");
  await reloaded(clock);
  await write(chunk);
  assert.equal(emitter.events.length, 1);
});
