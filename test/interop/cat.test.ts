/** `suiro cat` against the real fluentd. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCertificates } from "../support/certificates.ts";
import { ChildProgram } from "../support/child-program.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { suiroEntry } from "../support/suiro.ts";

const options = { skip: withoutFluentd };
let certificates: TestCertificates;
let fluentd: ChildProgram;
const ports = { plain: 0, secured: 0, tls: 0 };

before(async () => {
  if (withoutFluentd) return;
  certificates = await TestCertificates.create();
  const server = await certificates.server();
  for (const name of ["plain", "secured", "tls"] as const) ports[name] = await freePort();
  const security = `
  <security>
    self_hostname receiver
    shared_key key
    user_auth true
    <user>
      username someone
      password word
    </user>
  </security>`;
  const transport = `
  <transport tls>
    cert_path ${server.certificatePath}
    private_key_path ${server.privateKeyPath}
  </transport>`;
  const source = (port: number, inner: string) =>
    `<source>\n  @type forward\n  bind 127.0.0.1\n  port ${port}\n${inner}\n</source>\n`;
  const path = join(certificates.folder, "fluent.conf");
  writeFileSync(
    path,
    source(ports.plain, "") +
      source(ports.secured, security) +
      source(ports.tls, transport + security) +
      "<match **>\n  @type stdout\n</match>\n",
  );
  fluentd = await startFluentd(path);
});

after(async () => {
  await fluentd?.stop();
  certificates?.remove();
});

async function cat(port: number, args: readonly string[], lines: string) {
  const program = ChildProgram.start(process.execPath, [suiroEntry, "cat", "--port", String(port), ...args]);
  program.stdin.end(lines);
  return { code: await program.exited, output: program.output };
}

const KEY = ["--shared-key", "key", "--username", "someone", "--password", "word"];

test("lines become events, with and without acknowledgements", options, async () => {
  assert.equal((await cat(ports.plain, ["a.plain"], '{"n":1}\n\n{"n":9007199254740993,"f":1.0,"text":"ü"}')).code, 0);
  await fluentd.waitFor(/a\.plain: \{"n":9007199254740993,"f":1\.0,"text":"ü"\}/);
  assert.equal((await cat(ports.plain, ["--ack", "--time-as-integer", "a.ack"], '{"n":1}\n')).code, 0);
  await fluentd.waitFor(/\.000000000 \+0000 a\.ack: \{"n":1\}/);
});

test("bad lines are reported with their number, the others are sent, and the code is 1", options, async () => {
  const { code, output } = await cat(ports.plain, ["--ack", "a.bad"], '{"n":1}\nnope\n[]\n{"n":4}\n');
  assert.equal(code, 1);
  assert.match(output, /line 2: not JSON/);
  assert.match(output, /line 3: a record is a JSON object, and this is another value/);
  await fluentd.waitFor(/a\.bad: \{"n":4\}/);
});

test("a shared key and a user are proved, over TCP and over verified TLS", options, async () => {
  assert.deepEqual(await cat(ports.secured, ["--ack", ...KEY, "a.key"], '{"n":1}\n'), { code: 0, output: "" });
  const tls = ["--ack", "--host", "localhost", "--ca", certificates.authorityPath, ...KEY, "a.tls"];
  assert.deepEqual(await cat(ports.tls, tls, '{"n":1}\n'), { code: 0, output: "" });
  await fluentd.waitFor(/a\.key: \{"n":1\}/);
  await fluentd.waitFor(/a\.tls: \{"n":1\}/);
});

test("what the receiver refuses is said in words, without secrets", options, async () => {
  const wrong = await cat(ports.secured, ["--shared-key", "mistaken", "a.x"], '{"n":1}\n');
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /shared_key mismatch/);
  assert.doesNotMatch(wrong.output, /mistaken/);
  const keyless = await cat(ports.secured, ["--ack", "a.x"], '{"n":1}\n');
  assert.equal(keyless.code, 1);
  assert.match(keyless.output, /give --shared-key/);
  const untrusted = await cat(ports.tls, ["--tls", ...KEY, "a.x"], '{"n":1}\n');
  assert.equal(untrusted.code, 1);
  assert.match(untrusted.output, /certificate cannot be trusted/);
  const nobody = await cat(await freePort(), ["a.x"], '{"n":1}\n');
  assert.equal(nobody.code, 1);
  assert.match(nobody.output, /nothing listens there/);
});
