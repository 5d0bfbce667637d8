/** The command line as a user meets it: flags, exit codes, and what is printed about a configuration. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TestCertificates } from "../support/certificates.ts";
import { suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function suiro(args: readonly string[], cwd = process.cwd(), input = ""): Result {
  const result = spawnSync(process.execPath, [suiroEntry, ...args], {
    encoding: "utf8",
    cwd,
    input,
    env: { ...process.env, TZ: "UTC", FLUENT_CONF_INCLUDE_DIR: "" },
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

const GOOD = `<source>
  @type forward
  port 24224
</source>
<match **>
  @type null
</match>
`;

const BAD = `<source>
  @type forward
  prt 24224
</source>
<source>
  @type nosuch
</source>
<match a.**>
  @type forward
  require_ack_response true
  <server>
    port 24224
  </server>
</match>
<match **>
  @type file
</match>
`;

test("an unknown option or command ends with usage and code 1", () => {
  for (const args of [["--nope"], ["nope"], ["cat"], ["check", "--nope"], ["--log-rotate-age", "x"]]) {
    const { code, stderr } = suiro(args);
    assert.equal(code, 1, args.join(" "));
    assert.match(stderr, /^error: .+\nUsage: suiro /, args.join(" "));
  }
});

test("flags that Suiro cannot honour are refused by name, with the reason", () => {
  for (const args of [["--use-v0-config"], ["--with-source-only"], ["--show-plugin-config", "input:forward"]]) {
    const { code, stderr } = suiro(args);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^error: ${args[0]} is not supported: .+`));
  }
});

test("the version is printed for both names of the command", () => {
  assert.match(suiro(["--version"]).stdout, /^suiro \d/);
  const link = join(temporaryFolder(), "fluentd");
  symlinkSync(suiroEntry, link);
  assert.match(spawnSync(process.execPath, [link, "--version"], { encoding: "utf8" }).stdout, /^fluentd 1\.18\.0/);
});

test("every flag of fluentd is known", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.conf"), GOOD);
  const flags =
    "-c a.conf --dry-run -p /fluentd/plugins -I lib -r json --no-supervisor --under-supervisor --workers 1 -o - " +
    "--log-rotate-age 5 --log-rotate-size 1000 --log-event-verbose --emit-error-log-interval 0 -vv -q " +
    "--suppress-repeated-stacktrace --without-source --use-v1-config --strict-config-value --enable-input-metrics " +
    "--disable-input-metrics --enable-size-metrics --suppress-config-dump -g Gemfile -G vendor --conf-encoding utf-8 " +
    "--disable-shared-socket --config-file-type guess --umask 022";
  const { code, stdout, stderr } = suiro(flags.split(" "), folder);
  assert.equal(code, 0, stdout + stderr);
});

test("a dry run prints fluentd's lines and masks secrets", () => {
  const folder = temporaryFolder();
  const security = "<security>\n self_hostname a\n shared_key topsecret\n </security>";
  writeFileSync(join(folder, "a.conf"), GOOD.replace("port 24224", `port 24224\n${security}`));
  const { code, stdout } = suiro(["--dry-run", "-c", "a.conf"], folder);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /\[info\]: .*starting fluentd-1\.18\.0 as dry run mode/);
  assert.match(stdout, /using configuration file: <ROOT>\n {2}<source>\n {4}@type forward/);
  assert.match(stdout, /shared_key xxxxxx/);
  assert.doesNotMatch(stdout, /topsecret/);
  assert.match(stdout, /finished dry run mode\n$/);
});

test("a dry run of a bad configuration logs `config error` for each error and ends with code 1", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.conf"), BAD);
  const { code, stdout } = suiro(["--dry-run", "-c", "a.conf"], folder);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /\[error\]: .*config error file="a\.conf" error_class=Fluent::ConfigError error="Unknown input plugin 'nosuch'\..*" at=".*\/a\.conf:[45]"/,
  );
  assert.doesNotMatch(stdout, /finished dry run mode/);
});

test("check lists everything in the order of the lines", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.conf"), BAD);
  const { code, stdout, stderr } = suiro(["check", "-c", "a.conf"], folder);
  assert.equal(stderr, "");
  assert.equal(code, 1);
  const lines = stdout.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^a\.conf:3: warning: parameter 'prt' in <source> is not used\. Did you mean 'port'\?$/);
  assert.ok(
    lines.some((line) => /^a\.conf:[45]: error: Unknown input plugin 'nosuch'/.test(line)),
    stdout,
  );
  assert.ok(
    lines.some((line) => /^a\.conf:\d+: error: 'host' parameter is required/.test(line)),
    stdout,
  );
  assert.ok(
    lines.some((line) => /^a\.conf:\d+: error: 'path' parameter is required/.test(line)),
    stdout,
  );
  assert.match(lines.at(-1) ?? "", /^a\.conf: 3 errors, \d+ warnings?$/);
  const numbers = lines.slice(0, -1).map((line) => Number(/^a\.conf:(\d+)/.exec(line)?.[1]));
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
});

test("check tells what plugins say about their configuration, with the place where they stand", () => {
  const folder = temporaryFolder();
  const buffer = "<buffer tag, time>\n@type file\npath b\ntimekey 60\nflush_interval 5s\n</buffer>";
  writeFileSync(join(folder, "a.conf"), `<match **>\n@type stdout\n@id out\n${buffer}\n</match>\n`);
  const { code, stdout } = suiro(["check", "-c", "a.conf"], folder);
  assert.equal(code, 0);
  assert.match(stdout, /^a\.conf:1: warning: 'flush_interval' is ignored because default 'flush_mode'/);
});

test("check says of a good configuration that it is good", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.conf"), GOOD);
  const { code, stdout } = suiro(["check", "-c", "a.conf"], folder);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^a\.conf: the configuration is good/m);
});

test("check names a syntax error by its line, and a file that is missing", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.conf"), "<source>\n  @type forward\n</match>\n");
  const { code, stdout } = suiro(["check", "-c", "a.conf"], folder);
  assert.equal(code, 1);
  assert.match(stdout, /^a\.conf:3: error: .*unmatched end tag/m);
  const missing = suiro(["check", "-c", "missing.conf"], folder);
  assert.equal(missing.code, 1);
  assert.match(missing.stdout, /missing\.conf/);
});

test("the inline configuration is appended, from an argument or from standard input", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.conf"), GOOD);
  const inline = "<source>\\n  @type nosuch\\n</source>";
  assert.match(suiro(["check", "-c", "a.conf", "-i", inline], folder).stdout, /Unknown input plugin 'nosuch'/);
  const text = "<source>\n  @type nosuch\n</source>\n";
  assert.match(suiro(["check", "-c", "a.conf", "-i", "-"], folder, text).stdout, /Unknown input plugin 'nosuch'/);
});

test("setup writes a configuration that is good, and never over one", () => {
  const folder = join(temporaryFolder(), "etc");
  const path = join(folder, "fluent.conf");
  assert.equal(suiro(["--setup", folder]).stdout, `Installed ${path}.\n`);
  assert.equal(suiro(["check", "-c", path]).code, 0);
  writeFileSync(path, "mine");
  assert.equal(suiro(["-s", folder]).stdout, `${path} already exists.\n`);
  assert.equal(readFileSync(path, "utf8"), "mine");
});

test("the configuration that the README runs first is good as it is, with no variable set", () => {
  const path = /main\.js -c (examples\/\S+)/.exec(readFileSync("README.md", "utf8"))?.[1] as string;
  const { stdout } = spawnSync(process.execPath, [suiroEntry, "check", "-c", path], { encoding: "utf8" });
  assert.match(stdout, /the configuration is good\n$/);
});

test("the examples and the image's configuration are good", async (context) => {
  const certificates = await TestCertificates.create();
  context.after(() => certificates.remove());
  const server = await certificates.server();
  const environment = {
    ...process.env,
    SUIRO_SHARED_KEY: "key",
    SUIRO_BUFFER_PATH: join(certificates.folder, "buffer"),
    SUIRO_CA_PATH: certificates.authorityPath,
    SUIRO_CERT_PATH: server.certificatePath,
    SUIRO_KEY_PATH: server.privateKeyPath,
  };
  for (const path of ["examples/sender.conf", "examples/receiver.conf", "docker/fluent.conf"]) {
    const args = [suiroEntry, "check", "-c", path];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env: environment });
    assert.match(stdout, /the configuration is good\n$/, stdout);
  }
});
