/**
 * One test for each published weakness of other forwarders in the surface that Suiro has too, named after it. None of
 * them may ever be true of Suiro.
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "../../src/config/load.ts";
import { readSectionOrThrow } from "../../src/config/parameters.ts";
import { ByteWriter } from "../../src/event/byte-writer.ts";
import { encode } from "../../src/event/msgpack.ts";
import { ClientSession } from "../../src/forward-protocol/client-session.ts";
import { createTcpConnector } from "../../src/forward-protocol/tcp-connector.ts";
import { httpInput } from "../../src/input/http.ts";
import { monitorAgentInput } from "../../src/input/monitor-agent.ts";
import { fileOutput } from "../../src/output/file.ts";
import { secondaryFileOutput } from "../../src/output/secondary-file.ts";
import { createParser } from "../../src/parser/parser-list.ts";
import type { BufferedOutputDefinition, InputDefinition } from "../../src/plugin.ts";
import { configElement as flatElement } from "../support/config-section.ts";
import { quietDelivery } from "../support/delivery.ts";
import { configElement, createForwardInput, startForwardInput } from "../support/forward-input.ts";
import { ack, message } from "../support/forward-messages.ts";
import { createForwardWriter, server } from "../support/forward-writer.ts";
import { parsedElement } from "../support/parsed-config.ts";
import { chunkOfBytes } from "../support/plain-chunk.ts";
import { pluginContext } from "../support/plugin-context.ts";
import { scriptedPeer } from "../support/scripted-peer.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const delivery = quietDelivery();

async function startInput(t: TestContext, definition: InputDefinition<any>, values: Record<string, string> = {}) {
  const element = flatElement("source", "", { port: "0", bind: "127.0.0.1", ...values });
  const context = pluginContext(element);
  const input = definition.create(readSectionOrThrow(definition.table, element), context);
  await input.start();
  t.after(() => input.stop(AbortSignal.abort()));
  return { context, url: `http://127.0.0.1:${input.address?.port}` };
}

function writer(definition: BufferedOutputDefinition<any>, text: string) {
  const element = parsedElement(text);
  const context = pluginContext(element);
  return definition.createWriter(readSectionOrThrow(definition.table, element), context);
}

/** Tags that lead somewhere else where a path is made of them. */
const HOSTILE_TAGS = [
  "../escaped",
  "a/../../escaped",
  "..",
  "/escaped",
  "..\\..\\escaped",
  "x\0/../../escaped",
  "link/escaped",
  "x\n/../../escaped",
];

test("CVE-2024-4323: bodies of unexpected types at a monitoring endpoint do nothing", async (t) => {
  const { url } = await startInput(t, monitorAgentInput);
  const bodies = ["7", "[1,2]", '{"input_blobs":[1,-5,{}]}', "null", '"x"', "\0".repeat(100_000)];
  for (const path of ["/api/v1/trace", "/api/v1/traces/x", "/api/plugins.json", "/api/config.json"]) {
    for (const body of bodies) {
      const response = await fetch(url + path, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      await response.arrayBuffer();
      assert.ok(response.status < 500, `${path} answers ${response.status}`);
    }
  }
  assert.equal((await fetch(`${url}/api/plugins.json`)).status, 200);
});

test("CVE-2025-12969: users without a shared key are a mistake in the configuration, never open doors", () => {
  const user = configElement("user", { username: "alice", password: "wonder" });
  const withUsers = (values: Record<string, string>) =>
    createForwardInput({ children: [configElement("security", { self_hostname: "here", ...values }, [user])] });
  assert.throws(() => withUsers({ user_auth: "true" }), /'shared_key' parameter is required, in section security/);
  assert.throws(() => withUsers({}), /'shared_key' parameter is required/);
  assert.throws(() => withUsers({ user_auth: "true", shared_key: "" }), /'shared_key' must not be empty/);
});

test("CVE-2025-12969: what looks like authentication and is none is told at the start, on both sides", async (t) => {
  const user = configElement("user", { username: "alice", password: "wonder" });
  const security = configElement("security", { self_hostname: "here", shared_key: "sekrit" }, [user]);
  const { log } = await startForwardInput(t, { children: [security] });
  assert.match(log.join(), /<user> sections have no effect without 'user_auth true'/);
  for (const values of [{ shared_key: "sekrit" }, { username: "alice", password: "wonder" }]) {
    const { log: lines } = createForwardWriter({}, [server(24224, values)]);
    assert.match(lines.map(({ message }) => message).join(), /have no effect without <security>/);
  }
});

test("CVE-2025-12972: a tag of a stranger writes no file outside the folder of out_file", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "in"));
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(folder, "in", "link"));
  for (const options of ["append true", "append false", `symlink_path ${folder}/in/current-\${tag}`]) {
    const output = writer(
      fileOutput,
      `<match **>\npath ${folder}/in/\${tag}/log\n${options}\n<buffer tag>\n</buffer>\n</match>`,
    );
    for (const tag of HOSTILE_TAGS) {
      await assert.rejects(output.write(chunkOfBytes(Buffer.from("evil"), 1, { tag }), delivery), JSON.stringify(tag));
    }
  }
  assert.deepEqual(readdirSync(folder).sort(), ["elsewhere", "in"]);
  assert.deepEqual(readdirSync(join(folder, "elsewhere")), []);
});

test("CVE-2025-12977: tags with line feeds, steps up or NUL are dropped, counted and acked", async (t) => {
  const { connect, counters, emitter } = await startForwardInput(t);
  const peer = await connect();
  const tags = HOSTILE_TAGS.filter((tag) => /\.\.|[\0\n]/.test(tag));
  for (const tag of tags) {
    peer.send(message(tag, 5, { a: 1 }, { chunk: "c" }));
    assert.deepEqual(await peer.take(ack("c").length), ack("c"));
  }
  assert.equal(counters.get("dropped_events", "invalid_tag"), tags.length);
  assert.equal(emitter.batches.length, 0);
});

test("CVE-2025-12977: the path of an http request makes no such tag either", async (t) => {
  const { context, url } = await startInput(t, httpInput);
  for (const path of ["/a\\..\\b", "/..\\x", "/x%0a", `/${"x".repeat(600)}`]) {
    // fetch would tidy up such paths.
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { port } = new URL(url);
      const options = {
        port,
        host: "127.0.0.1",
        method: "POST",
        path,
        headers: { "content-type": "application/json" },
      };
      const sent = request(options, (response) => resolve(response.resume().statusCode)).on("error", reject);
      sent.end('{"a":1}');
    });
    if (path !== "/x%0a") assert.equal(status, 400, path);
  }
  for (const { tag } of context.emitter.batches) assert.match(tag, /^[\x21-\x7e]+$/);
});

test("CVE-2026-44024: placeholders in the paths of file outputs and of their secondary write nothing elsewhere", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "in"));
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(folder, "in", "link"));
  const outputs = [
    writer(fileOutput, `<match **>\npath ${folder}/in/\${tag[0]}\${tag[1]}\${tag}\n<buffer tag>\n</buffer>\n</match>`),
    secondary(`directory ${folder}/in/\${tag}`),
    secondary(`directory ${folder}/in\nbasename \${tag}`),
    secondary(`directory ${folder}/in/\${tag}\nappend true\ncompress gzip`),
  ];
  for (const output of outputs) {
    for (const tag of HOSTILE_TAGS) {
      await assert.rejects(output.write(chunkOfBytes(Buffer.from("evil"), 1, { tag }), delivery), JSON.stringify(tag));
    }
  }
  assert.deepEqual(readdirSync(folder).sort(), ["elsewhere", "in"]);
  assert.deepEqual(readdirSync(join(folder, "elsewhere")), []);
});

function secondary(text: string) {
  return writer(secondaryFileOutput, `<secondary>\n${text}\n<buffer tag>\n</buffer>\n</secondary>`);
}

test("CVE-2026-61674: a receiver's HELO, PONG or ack of any shape fails the connection and nothing else", async (t) => {
  const helo = encode(["HELO", { nonce: new Uint8Array(16), auth: new Uint8Array(16), keepalive: true }]);
  const long = "x".repeat(5000);
  const answers: [string, Buffer[]][] = [
    ["HELO without a nonce", [encode(["HELO", {}])]],
    ["HELO with an empty nonce", [encode(["HELO", { nonce: new Uint8Array(0) }])]],
    ["HELO with a number as nonce", [encode(["HELO", { nonce: 7, auth: [] }])]],
    ["HELO with a nonce of 2 KB", [encode(["HELO", { nonce: new Uint8Array(2048) }])]],
    ["HELO with an array", [encode(["HELO", [1, 2]])]],
    ["HELO without end", [Buffer.concat([Buffer.from([0x92, 0xdb, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(8192)])]],
    ["nesting without end", [Buffer.alloc(4000, 0x91)]],
    ["PONG of numbers", [helo, encode(["PONG", 1, 2, 3, 4])]],
    ["PONG of maps", [helo, encode(["PONG", true, {}, {}, {}])]],
    ["PONG with a long name", [helo, encode(["PONG", true, "", "x".repeat(2000), ""])]],
    ["PONG longer than any", [helo, encode(["PONG", true, long, long, long])]],
    ["PONG with a short digest", [helo, encode(["PONG", true, "", "server", "ab"])]],
    [
      "PONG with a reason for the terminal",
      [helo, encode(["PONG", false, `\u001b[2J\nfake log line ${long}`, "", ""])],
    ],
    ["the byte c1", [Buffer.from([0xc1])]],
  ];
  for (const [name, [first, second]] of answers) {
    const peer = await scriptedPeer(t, async (connection) => {
      connection.socket.write(first as Buffer);
      if (!second) return;
      await connection.nextBytes();
      connection.socket.write(second);
    });
    const identity = { selfHostname: "me", sharedKey: "key", username: "", password: "" };
    const target = { address: "127.0.0.1", port: peer.port, serverName: "" };
    const opening = ClientSession.open({ connect: () => createTcpConnector().connect(target), peer: "peer", identity });
    await assert.rejects(opening, (error: Error) => {
      assert.ok(error.message.length < 500, `${name}: a message of ${error.message.length} characters`);
      assert.doesNotMatch(error.message, /[\u0000-\u001f\u007f]/, name);
      return true;
    });
  }
});

test("CVE-2026-61674: an ack of any shape fails its chunk, which is sent again", async (t) => {
  const acks = [encode({ ack: 7 }), encode(["ack"]), encode({ ack: { deep: [1] } }), encode({}), encode("ack")];
  const wide = encode(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, index])));
  for (const answer of [...acks, wide, Buffer.from("81a361636bdb7fffffff", "hex")]) {
    const peer = await scriptedPeer(t, async (connection) => {
      await connection.nextBytes();
      connection.socket.end(answer);
    });
    const target = { address: "127.0.0.1", port: peer.port, serverName: "" };
    const session = await ClientSession.open({ connect: () => createTcpConnector().connect(target), peer: "peer" });
    const blocks = () => [Buffer.from("92057f", "hex")];
    const outgoing = { tag: "t", size: 1, byteSize: 3, compressed: "text", chunkId: Buffer.alloc(16), blocks } as const;
    await assert.rejects(session.send(outgoing), /ack|answer|closed|end/i);
  }
});

test("CVE-2021-41186: a hostile line does not hold the apache2 parser: backtracking would outlast the runner", () => {
  const element = parsedElement("<source>\n<parse>\n@type apache2\n</parse>\n</source>");
  const parser = createParser(element, pluginContext(element));
  const lines = [
    `127.0.0.1 - - [${" ".repeat(50_000)}`,
    `h - u [t] "${"GET ".repeat(20_000)}`,
    `h - u [t] "GET /${'"'.repeat(30_000)} 200 1`,
    `h - u [t] "GET / HTTP/1.1" 200 777 "${"\\".repeat(30_000)}`,
    `${" - ".repeat(20_000)}[x]`,
    `h - u [t] "GET / HTTP/1.1" 200 1 "a" ${'"b" '.repeat(20_000)}`,
  ];
  for (const line of lines) {
    const target = { writer: new ByteWriter(), size: 0 };
    const bytes = Buffer.from(line);
    parser.parse(bytes, 0, bytes.length, target as unknown as Parameters<typeof parser.parse>[3]);
    assert.equal(target.size, 0, line.slice(0, 40));
  }
});

test("CVE-2026-54680: a value from the environment stays one value, whatever stands in it", () => {
  const hostile =
    'x\n</source>\n<source>\n  @type exec\n  command "rm -rf /"\n  tag "#{File.read("/etc/passwd")}"\n</source>';
  const text = `<source>\n  @type forward\n  tag "#{ENV['TAG']}"\n  bind "#{ENV['BIND']}"\n</source>\n`;
  const root = parseConfig(text, "test.conf", {
    environment: { TAG: hostile, BIND: "@include /etc/passwd" },
    hostname: "h",
  });
  assert.deepEqual(
    root.children.map(({ name }) => name),
    ["source"],
  );
  const [source] = root.children;
  assert.equal(source?.text("tag"), hostile);
  assert.equal(source?.text("bind"), "@include /etc/passwd");
  assert.equal(source?.text("@type"), "forward");
  assert.deepEqual(source?.children, []);
});
