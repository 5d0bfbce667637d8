import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { ControlInterface } from "../../../src/cli/control-interface.ts";
import { MemoryLog } from "../../support/memory-log.ts";

async function started(context: TestContext, canGetDump = false) {
  const calls: string[] = [];
  let wake = () => {};
  const log = new MemoryLog();
  const control = new ControlInterface({
    endpoint: { host: "127.0.0.1", port: 0 },
    canGetDump,
    logger: log,
    actions: {
      signal: (name) => {
        calls.push(name);
        wake();
      },
      flush: async () => void calls.push("flush"),
      dump: () => "<ROOT>\n</ROOT>",
    },
  });
  await control.start();
  context.after(() => control.close());
  const url = `http://127.0.0.1:${control.address?.port}`;
  const called = (count: number) =>
    new Promise<string[]>((resolve) => {
      wake = () => calls.length >= count && resolve(calls);
      wake();
    });
  return { control, log, url, calls, called };
}

test("commands are answered as fluentd answers, then done", async (context) => {
  const { url, called, calls } = await started(context);
  const done: [string, string[]][] = [
    ["/api/processes.interruptWorkers", ["SIGINT"]],
    ["/api/processes.killWorkers", ["SIGTERM"]],
    ["/api/processes.flushBuffersAndKillWorkers", ["flush", "SIGTERM"]],
    ["/api/processes.zeroDowntimeRestart", ["SIGHUP"]],
    ["/api/plugins.flushBuffers", ["SIGUSR1"]],
    ["/api/plugins.flushBuffers/", ["SIGUSR1"]],
    ["/api/config.reload", ["SIGHUP"]],
    ["/api/config.gracefulReload?x=1", ["SIGHUP"]],
  ];
  for (const [path, expected] of done) {
    const response = await fetch(url + path, { method: "POST" });
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.match(response.headers.get("content-length") ?? "", /^\d+$/);
    assert.equal(await response.text(), '{"ok":true}');
    assert.deepEqual(await called(expected.length), expected, path);
    calls.length = 0;
  }
});

test("the configuration is given only where enable_get_dump says so", async (context) => {
  const open = await started(context, true);
  const given = await fetch(`${open.url}/api/config.getDump`);
  assert.deepEqual(await given.json(), { conf: "<ROOT>\n</ROOT>", ok: true });
  const closed = await started(context);
  const refused = await fetch(`${closed.url}/api/config.getDump`);
  assert.equal(refused.status, 404);
  assert.equal(((await refused.json()) as { ok: boolean }).ok, false);
});

test("the dump goes to the log", async (context) => {
  const { url, log } = await started(context);
  await (await fetch(`${url}/api/config.dump`)).text();
  while (!log.messages("info").includes("dump in-memory config\n<ROOT>\n</ROOT>")) {
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("a web page's request does nothing", async (context) => {
  const { url, calls, log } = await started(context);
  const response = await fetch(`${url}/api/processes.killWorkers`, { headers: { origin: "http://evil.example" } });
  assert.equal(response.status, 403);
  assert.deepEqual(calls, []);
  assert.equal(log.messages("warn").length, 1);
});

test("what is no request, or too large a one, ends its connection and nothing else", async (context) => {
  const { control, url } = await started(context);
  for (const bytes of ["\x92\xa1a\x00\r\n\r\n", `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`]) {
    const socket = connect(control.address?.port as number, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(bytes);
    socket.resume();
    await once(socket, "close");
  }
  assert.equal((await fetch(`${url}/api/config.dump`)).status, 200);
});

test("a port that is taken is named", async (context) => {
  const { control } = await started(context);
  const { port } = control.address as { port: number };
  const second = new ControlInterface({
    endpoint: { host: "127.0.0.1", port },
    canGetDump: false,
    logger: new MemoryLog(),
    actions: { signal() {}, flush: async () => {}, dump: () => "" },
  });
  await assert.rejects(second.start(), new RegExp(`127\\.0\\.0\\.1:${port} \\(rpc_endpoint\\).*EADDRINUSE`));
});
