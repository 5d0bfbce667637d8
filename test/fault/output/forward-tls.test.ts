/** out_forward over TLS against receivers that are not to be trusted, or do not trust us. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, type TestContext, test } from "node:test";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { NetworkError, TlsError } from "../../../src/errors.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { type CertificateFiles, TestCertificates } from "../../support/certificates.ts";
import { server, startForwardWriter, type Values } from "../../support/forward-writer.ts";
import { chunkOf, chunkOfBytes } from "../../support/plain-chunk.ts";
import { acknowledging, PeerConnection, scriptedPeer } from "../../support/scripted-peer.ts";

const certificates = await TestCertificates.create();
after(() => certificates.remove());

async function receiver(context: TestContext, files: CertificateFiles, options: TlsOptions = {}): Promise<number> {
  const sockets = new Set<TLSSocket>();
  const listener = createServer(
    { cert: readFileSync(files.certificatePath), key: readFileSync(files.privateKeyPath), ...options },
    (socket) => {
      sockets.add(socket);
      void Promise.resolve(acknowledging(new PeerConnection(socket), 0)).catch(() => socket.destroy());
    },
  );
  listener.on("tlsClientError", () => {});
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return (listener.address() as { port: number }).port;
}

const chunk = () => chunkOf([{ time: new EventTime(1, 2), record: { a: 1 } }]);
const tls: Values = { transport: "tls", require_ack_response: true };
const trusting = { ...tls, tls_cert_path: certificates.authorityPath };

test("a chunk of many writes is delivered and acknowledged over TLS", async (context) => {
  const port = await receiver(context, await certificates.server());
  const { write } = await startForwardWriter(context, trusting, [server(port)]);
  await write(chunkOfBytes(Buffer.alloc(3 << 20, "x"), 1, { streamedBy: 100_000 }));
});

test("a receiver with an unknown authority, an old certificate or another name gets nothing", async (context) => {
  const good = await receiver(context, await certificates.server());
  const expired = await receiver(context, await certificates.expiredServer());
  const other = await receiver(context, await certificates.server({ names: ["other.example"] }));
  for (const [values, port] of [
    [tls, good],
    [trusting, expired],
    [trusting, other],
  ] as const) {
    const { write } = await startForwardWriter(context, values, [server(port)]);
    await assert.rejects(write(chunk()), TlsError);
  }
  const lax = await startForwardWriter(context, { ...trusting, tls_verify_hostname: false }, [server(other)]);
  await lax.write(chunk());
});

test("the certificate is checked against the node's name where the host is an address", async (context) => {
  const port = await receiver(context, await certificates.server({ names: ["logs.example"] }));
  const { write } = await startForwardWriter(context, trusting, [server(port, { name: "logs.example" })]);
  await write(chunk());
});

test("a receiver that wants a client certificate refuses us without one, with acks and without", async (context) => {
  const ca = readFileSync(certificates.authorityPath);
  const port = await receiver(context, await certificates.server(), {
    requestCert: true,
    rejectUnauthorized: true,
    ca,
  });
  for (const acks of [true, false]) {
    const values = { ...trusting, require_ack_response: acks };
    const { write } = await startForwardWriter(context, values, [server(port)]);
    await assert.rejects(write(chunk()));
  }
  const client = await certificates.client();
  const known = { tls_client_cert_path: client.certificatePath, tls_client_private_key_path: client.privateKeyPath };
  const { write } = await startForwardWriter(context, { ...trusting, ...known }, [server(port)]);
  await write(chunk());
});

test("a receiver that speaks no TLS is told as such", async (context) => {
  const peer = await scriptedPeer(context, ({ socket }) => void socket.once("data", () => socket.end("not TLS")));
  const { write } = await startForwardWriter(context, trusting, [server(peer.port)]);
  await assert.rejects(write(chunk()), (error) => error instanceof TlsError || error instanceof NetworkError);
});
