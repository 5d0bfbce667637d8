import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { withSharedReads } from "../../../src/tls/shared-reads.ts";

/** A listening server; gives each accepted socket to `serve`. */
async function listen(t: TestContext, serve: (socket: Socket) => void, pauseOnConnect = true) {
  const server: Server = createServer({ pauseOnConnect, allowHalfOpen: true }, serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const connect = async () => {
    const socket = createConnection({ port, host: "127.0.0.1", allowHalfOpen: true });
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  return { server, connect };
}

async function text(socket: Socket): Promise<string> {
  let all = "";
  for await (const bytes of socket) all += bytes;
  return all;
}

test("connections read into one memory, answer, and end; then their server may close", async (t) => {
  const memories = new Set<ArrayBufferLike>();
  const { server, connect } = await listen(t, (accepted) => {
    const socket = withSharedReads(accepted);
    assert.notEqual(socket, accepted);
    assert.equal(socket.remoteAddress, "127.0.0.1");
    socket.on("data", (bytes: Buffer) => {
      memories.add(bytes.buffer);
      socket.write(Buffer.from(bytes));
    });
    socket.on("end", () => socket.end());
    socket.resume();
  });
  const peers = [await connect(), await connect()];
  const echoes = peers.map(text);
  for (let round = 0; round < 20; round++)
    for (const [index, peer] of peers.entries()) peer.write(`${index}.${round} `);
  for (const peer of peers) peer.end();
  const rounds = Array.from({ length: 20 }, (_, round) => round);
  for (const [index, echo] of echoes.entries()) {
    assert.equal(await echo, rounds.map((round) => `${index}.${round} `).join(""));
  }
  assert.equal(memories.size, 1);
  await new Promise((resolve) => server.close(resolve));
});

test("a paused connection is not read, and goes on where it was", async (t) => {
  let taken = "";
  let isAsked = false;
  const socket = new Promise<Socket>((resolve) => {
    void listen(t, (accepted) => {
      const shared = withSharedReads(accepted);
      shared.on("data", (bytes) => {
        assert.ok(isAsked);
        taken += bytes;
        isAsked = false;
        shared.pause();
        shared.emit("taken");
      });
      resolve(shared);
    }).then(async ({ connect }) => {
      const peer = await connect();
      peer.write("a".repeat(300_000));
      peer.end();
    });
  });
  const shared = await socket;
  const end = once(shared, "end");
  while (taken.length < 300_000) {
    const next = once(shared, "taken");
    isAsked = true;
    shared.resume();
    await next;
  }
  shared.resume();
  await end;
  assert.equal(taken.length, 300_000);
  shared.end();
});

test("an accepted socket that reads already serves as it is", async (t) => {
  const served = new Promise<[Socket, Socket]>((resolve) => {
    void listen(t, (accepted) => resolve([accepted, withSharedReads(accepted)]), false).then(({ connect }) =>
      connect(),
    );
  });
  const [accepted, socket] = await served;
  assert.equal(socket, accepted);
  socket.destroy();
});
