import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ListeningSockets } from "../../../src/tls/listening-sockets.ts";

const host = "127.0.0.1";
const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** A server that greets with its name and what it was sent. */
function greeter(context: TestContext, name: string): Server {
  const server = createServer((socket) => {
    socket.on("data", (bytes) => socket.end(`${name} got ${bytes}`));
  });
  context.after(() => server.close());
  return server;
}

async function answer(socket: Socket): Promise<string> {
  let text = "";
  for await (const bytes of socket) text += bytes;
  return text;
}

test("who connects between two servers is served by the second, with what was sent before", async (context) => {
  const sockets = new ListeningSockets();
  const first = greeter(context, "first");
  await sockets.listen(first, { host, port: 0 });
  const port = portOf(first);
  sockets.keep();
  sockets.close(first);
  await once(first, "close");
  const early = connect(port, host);
  await once(early, "connect");
  early.write("hello");
  const second = greeter(context, "second");
  await sockets.listen(second, { host, port: 0 });
  assert.equal(portOf(second), port);
  sockets.release();
  assert.equal(await answer(early), "second got hello");
  const late = connect(port, host);
  late.write("again");
  assert.equal(await answer(late), "second got again");
});

test("the first server keeps its connections, and closes when they have ended", async (context) => {
  const sockets = new ListeningSockets();
  const first = greeter(context, "first");
  await sockets.listen(first, { host, port: 0 });
  const accepted = once(first, "connection");
  const client = connect(portOf(first), host);
  await accepted;
  sockets.keep();
  const closed = once(first, "close");
  sockets.close(first);
  await sockets.listen(greeter(context, "second"), { host, port: 0 });
  client.write("hello");
  assert.equal(await answer(client), "first got hello");
  await closed;
});

test("what nobody takes is closed, and its connections with it", async (context) => {
  const sockets = new ListeningSockets();
  const first = greeter(context, "first");
  await sockets.listen(first, { host, port: 0 });
  const port = portOf(first);
  sockets.keep();
  sockets.close(first);
  const waiting = connect(port, host);
  await once(waiting, "connect");
  sockets.release();
  assert.equal(await answer(waiting).catch(() => ""), "");
  await assert.rejects(once(connect(port, host), "connect"), /ECONNREFUSED/);
});

test("another address of the same port is free for who wants it", async (context) => {
  const sockets = new ListeningSockets();
  const first = greeter(context, "first");
  await sockets.listen(first, { host: "0.0.0.0", port: 0 });
  const port = portOf(first);
  sockets.keep();
  sockets.close(first);
  await sockets.listen(greeter(context, "second"), { host, port });
  sockets.release();
});

test("outside of a reload a socket closes with its server", async (context) => {
  const sockets = new ListeningSockets();
  const server = greeter(context, "only");
  await sockets.listen(server, { host, port: 0 });
  const port = portOf(server);
  sockets.close(server);
  await assert.rejects(once(connect(port, host), "connect"), /ECONNREFUSED/);
});

test("datagrams that come between two inputs are the second one's", async () => {
  const sockets = new ListeningSockets();
  const first: string[] = [];
  const socket = await sockets.openDatagrams({ host, port: 0 }, (bytes) => first.push(String(bytes)));
  const { port } = socket.address();
  sockets.keep();
  sockets.closeDatagrams(socket);
  const arrived = once(socket, "message");
  const sender = createSocket("udp4");
  sender.send("between", port, host);
  await arrived;
  const second = await new Promise<string>((resolve, reject) => {
    sockets.openDatagrams({ host, port: 0 }, (bytes) => resolve(String(bytes))).catch(reject);
  });
  assert.deepEqual([first, second], [[], "between"]);
  sockets.release();
  sender.close();
  socket.close();
});
