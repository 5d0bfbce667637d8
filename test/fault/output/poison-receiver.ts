/**
 * A receiver of the Forward protocol behind TLS, in a process of its own, that cannot stand chunks of the tag `poison`.
 *   node poison-receiver.js HOW CERTIFICATE KEY
 * Says `listening PORT`, `got TAG CHUNK` for every message that it acknowledges, `refused CHUNK` for every one that it
 * does not. SIGUSR2 mends it: then it takes all.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { Decoder } from "@msgpack/msgpack";
import { encode } from "../../support/forward-client.ts";

const [how = "", certificate = "", key = ""] = process.argv.slice(2);
let isMended = false;
process.on("SIGUSR2", () => {
  isMended = true;
  console.log("mended");
});

const sockets = new Set<TLSSocket>();
const reset = (socket: TLSSocket) => (socket as unknown as { _parent?: Socket })._parent?.resetAndDestroy();

function refuse(socket: TLSSocket): void {
  if (how === "closes") socket.end();
  else if (how === "resets") reset(socket);
  else if (how === "lies") socket.write(encode({ ack: "AAAAAAAAAAAAAAAAAAAAAA==\n" }));
  else if (how === "talks-nonsense") socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  else if (how === "crashes") for (const each of sockets) each.destroy();
}

async function serve(socket: TLSSocket): Promise<void> {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => {});
  if (how === "resets-midway") {
    socket.on("data", (bytes: Buffer) => {
      if (isMended || !bytes.subarray(0, 16).includes("poison")) return;
      console.log("refused midway");
      socket.destroy();
    });
  }
  for await (const message of new Decoder({ rawStrings: true }).decodeStream(socket)) {
    const [tagBytes, , option] = message as [Uint8Array, Uint8Array, { chunk: Uint8Array }];
    const [tag, chunk] = [Buffer.from(tagBytes).toString(), Buffer.from(option.chunk).toString()];
    if (tag === "poison" && !isMended) {
      console.log(`refused ${chunk.trim()}`);
      refuse(socket);
    } else {
      console.log(`got ${tag} ${chunk.trim()}`);
      socket.write(encode({ ack: chunk }));
    }
  }
}

const options = { cert: readFileSync(certificate), key: readFileSync(key) };
const server = createServer(options, (socket) => void serve(socket).catch(() => socket.destroy()));
server.on("tlsClientError", () => {});
server.listen(0, "127.0.0.1", () => console.log(`listening ${(server.address() as AddressInfo).port}`));
