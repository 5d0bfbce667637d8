/**
 * The steps of a case, as both products live them. Texts are JSON strings; characters beyond U+00FF are UTF-8, those
 * below stand for one byte each where the whole text is below.
 *
 * | step                                | does                                                              |
 * |-------------------------------------|-------------------------------------------------------------------|
 * | `wait N`                            | goes on when N events have come in all                            |
 * | `log TEXT`                          | goes on when the product's log holds this text                    |
 * | `lines FILE N`                      | goes on when the file, a pos_file for instance, has N lines       |
 * | `append FILE [xN] "text"`           | adds the text, N times, to a file of the case's folder            |
 * | `write FILE "text"`                 | makes the file anew, under the same inode                         |
 * | `rename A B`, `copy A B`, `link A B`| moves; copies; makes B a symbolic link to A                       |
 * | `truncate FILE`, `remove FILE`      | to no bytes; away                                                 |
 * | `folder NAME`                       | makes a folder                                                    |
 * | `tcp PORT "text"`                   | sends it on a connection and waits for its end                    |
 * | `tls PORT "text"`                    | as `tcp`, over TLS; any certificate will do                       |
 * | `udp PORT "text"`                   | sends a datagram                                                  |
 * | `unix PATH "text"`                  | sends it to a unix socket                                         |
 * | `https PORT {request}`              | as `http`, over TLS; any certificate will do                      |
 * | `http PORT {request}`               | `{method, path, headers, body}`; keeps status and body            |
 * | `forward PORT [message]`            | sends the JSON as msgpack                                         |
 * | `forward-hex PORT bytes`            | sends the bytes                                                   |
 */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import type { ChildProgram } from "../../support/child-program.ts";
import { encode } from "../../support/forward-client.ts";
import type { ExactReceiver } from "./exact-receiver.ts";

export interface Stage {
  /** The case's folder. */
  readonly folder: string;
  readonly receiver: ExactReceiver;
  readonly program: ChildProgram;
  readonly signal: AbortSignal;
  /** What came back on connections of the case. */
  readonly answers: string[];
}

export async function runSteps(lines: readonly string[], stage: Stage): Promise<void> {
  for (const line of lines) {
    const [name = "", ...words] = line.split(" ");
    const step = STEPS[name];
    if (!step) throw new Error(`no such step: ${line}`);
    try {
      await step(stage, words);
    } catch (error) {
      throw new Error(`step '${line.slice(0, 120)}': ${(error as Error).message}`);
    }
  }
}

function linked(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

type Step = (stage: Stage, words: string[]) => void | Promise<void>;

const STEPS: Record<string, Step> = {
  wait: ({ receiver, signal }, [count]) => receiver.waitFor(Number(count), signal),
  log: async ({ program, signal }, words) => {
    const text = words.join(" ");
    await Promise.race([program.waitFor(text), aborted(signal, `the log never held '${text}'`)]);
  },
  lines: async ({ folder, signal }, [file = "", count]) => {
    const has = () => readFileSync(join(folder, file), "latin1").split("\n").length - 1;
    while (has() !== Number(count)) {
      if (signal.aborted) throw new Error(`${file} has ${has()} lines`);
      await delay(20);
    }
  },
  append: ({ folder }, [file = "", ...words]) => {
    const [, times = "1", text = '""'] = /^(?:x(\d+) )?(.*)$/s.exec(words.join(" ")) ?? [];
    const bytes = bytesOf(text);
    appendFileSync(join(folder, file), Buffer.concat(Array.from({ length: Number(times) }, () => bytes)));
  },
  write: ({ folder }, [file = "", ...words]) => writeFileSync(join(folder, file), bytesOf(words.join(" "))),
  rename: ({ folder }, [from = "", to = ""]) => renameSync(join(folder, from), join(folder, to)),
  copy: ({ folder }, [from = "", to = ""]) => copyFileSync(join(folder, from), join(folder, to)),
  link: ({ folder }, [from = "", to = ""]) => linked(join(folder, from), join(folder, to)),
  truncate: ({ folder }, [file = ""]) => truncateSync(join(folder, file)),
  remove: ({ folder }, [file = ""]) => rmSync(join(folder, file)),
  folder: ({ folder }, [name = ""]) => void mkdirSync(join(folder, name), { recursive: true }),
  tcp: (stage, [port, ...words]) => talk(stage, connect(Number(port), "127.0.0.1"), bytesOf(words.join(" "))),
  tls: (stage, [port, ...words]) => {
    const socket = connectTls({ port: Number(port), host: "127.0.0.1", rejectUnauthorized: false });
    return talk(stage, socket, bytesOf(words.join(" ")));
  },
  unix: (stage, [path = "", ...words]) => talk(stage, connect(path), bytesOf(words.join(" "))),
  udp: async (_stage, [port, ...words]) => {
    const socket = createSocket("udp4");
    await new Promise((sent) => socket.send(bytesOf(words.join(" ")), Number(port), "127.0.0.1", sent));
    socket.close();
  },
  http: async ({ answers }, [port, ...words]) =>
    void answers.push(await ask(request, Number(port), JSON.parse(words.join(" ")))),
  https: async ({ answers }, [port, ...words]) =>
    void answers.push(await ask(requestTls, Number(port), JSON.parse(words.join(" ")))),
  forward: (stage, [port, ...words]) =>
    talk(stage, connect(Number(port), "127.0.0.1"), encode(JSON.parse(words.join(" ")))),
  "forward-hex": (stage, [port, ...words]) =>
    talk(stage, connect(Number(port), "127.0.0.1"), Buffer.from(words.join(""), "hex")),
};

function aborted(signal: AbortSignal, message: string): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error(message)), { once: true });
  });
}

/** Characters that are all below U+0100 are bytes; other texts are UTF-8. */
function bytesOf(json: string): Buffer {
  const text = JSON.parse(json) as string;
  return Buffer.from(text, /^[\0-\xff]*$/.test(text) ? "latin1" : "utf8");
}

/** Sends the bytes and the end of them. */
async function talk({ signal }: Stage, socket: Socket, bytes: Buffer): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  socket.end(bytes);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await Promise.race([closed, aborted(signal, "the connection was never closed")]);
}

interface HttpRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Names of headers of the response to keep. */
  readonly keep?: readonly string[];
}

async function ask(
  send: typeof request,
  port: number,
  { method = "POST", path, headers = {}, body, keep = [] }: HttpRequest,
): Promise<string> {
  const bytes = body === undefined ? undefined : bytesOf(JSON.stringify(body));
  const length = bytes && !("transfer-encoding" in headers) ? { "content-length": bytes.length } : {};
  const target = { agent: false, port, host: "127.0.0.1", rejectUnauthorized: false } as const;
  const sent = send({ ...target, method, path, headers: { ...headers, ...length } });
  sent.end(bytes);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let answer = "";
  for await (const part of response.setEncoding("latin1")) answer += part;
  const kept = keep.map((name) => ` ${name}: ${response.headers[name]}`).join("");
  return `${response.statusCode}${kept} ${answer}`;
}
