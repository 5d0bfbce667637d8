/**
 * The ends of the lab's connections, run inside a network namespace.
 *   probe.js serve PORT                     answers each connection with the address that it sees, then counts bytes;
 *                                           SIGUSR1 makes it speak first on every open connection
 *   probe.js connect HOST PORT [FROM]       prints the address that the server saw
 *   probe.js upload HOST PORT BYTES [FROM]  sends BYTES and waits until the server has counted them
 *   probe.js talk HOST PORT                 sends each line of standard input and prints each line that comes back
 *   probe.js metadata FILE                  Google's metadata server on 169.254.169.254:80, attributes from a JSON file
 * Exit code 1 with the reason when there is no connection or no progress within PATIENCE_MS.
 */

import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** Two retransmissions of a SYN fit; a connection over the lab's links takes a few milliseconds. */
const PATIENCE_MS = 1500;

function serve(port: number): void {
  const open = new Set<Socket>();
  process.on("SIGUSR1", () => {
    for (const socket of open) socket.write("spoken by the server\n");
  });
  createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write(`${socket.remoteAddress?.replace("::ffff:", "")}\n`);
    let received = 0;
    socket.on("data", (bytes: Buffer) => {
      received += bytes.length;
      if (bytes.at(-1) === 10) socket.write(`${received}\n`);
    });
  }).listen(port, "0.0.0.0", () => console.log("serving"));
}

function open(host: string, port: string, from?: string): Socket {
  const socket = connect({ host, port: Number(port), ...(from ? { localAddress: from } : {}) });
  socket.setTimeout(PATIENCE_MS, () => fail(`no answer from ${host}:${port}`));
  socket.on("error", (error) => fail(error.message));
  return socket;
}

function fail(reason: string): never {
  console.log(reason);
  process.exit(1);
}

function connectOnce(host: string, port: string, from?: string): void {
  open(host, port, from).once("data", (line) => {
    console.log(line.toString().trim());
    process.exit(0);
  });
}

function upload(host: string, port: string, byteSize: string, from?: string): void {
  const socket = open(host, port, from);
  socket.once("data", () => {
    const body = Buffer.alloc(Number(byteSize), 0x61);
    body[body.length - 1] = 10;
    socket.write(body);
    createInterface(socket).on("line", (line) => {
      if (line !== byteSize) return;
      console.log(line);
      process.exit(0);
    });
  });
}

function talk(host: string, port: string): void {
  const socket = open(host, port);
  socket.setTimeout(0);
  socket.pipe(process.stdout);
  process.stdin.on("data", (line) => socket.write(line));
}

function metadata(file: string): void {
  createHttpServer((request, response) => {
    const name = /^\/computeMetadata\/v1\/instance\/attributes\/([a-z-]+)$/.exec(request.url ?? "")?.[1];
    const attributes = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
    const value = name && request.headers["metadata-flavor"] === "Google" ? attributes[name] : undefined;
    response.writeHead(value === undefined ? 404 : 200).end(value);
  }).listen(80, "169.254.169.254", () => console.log("serving"));
}

const [command, first = "", second = "", third = "", fourth] = process.argv.slice(2);
if (command === "serve") serve(Number(first));
else if (command === "connect") connectOnce(first, second, third || undefined);
else if (command === "upload") upload(first, second, third, fourth);
else if (command === "talk") talk(first, second);
else if (command === "metadata") metadata(first);
else fail(`unknown command ${command}`);
