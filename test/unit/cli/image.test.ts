/** The container image, as far as it can be proved without a container engine. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { suiroEntry } from "../../support/suiro.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Runs the entrypoint with programs that only print how they were called. */
function entrypoint(args: readonly string[], environment: Record<string, string> = {}): string {
  const folder = temporaryFolder();
  for (const name of ["suiro", "fluentd", "ls"]) {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\nprintf '%s' ${name}\nprintf ' [%s]' "$@"\n`);
    chmodSync(path, 0o755);
  }
  const defaults = join(folder, "defaults");
  if (environment.DEFAULTS_TEXT) writeFileSync(defaults, environment.DEFAULTS_TEXT);
  const result = spawnSync("sh", ["docker/entrypoint.sh", ...args], {
    encoding: "utf8",
    env: { PATH: `${folder}${delimiter}${process.env.PATH}`, FLUENTD_DEFAULTS: defaults, ...environment },
  });
  assert.equal(result.stderr, "");
  assert.equal(result.status, 0);
  return result.stdout;
}

test("the entrypoint names the configuration of FLUENTD_CONF when the arguments name none", () => {
  assert.equal(entrypoint(["suiro"]), "suiro [-c] [/fluentd/etc/fluent.conf]");
  assert.equal(entrypoint([]), "suiro [-c] [/fluentd/etc/fluent.conf]");
  assert.equal(entrypoint(["fluentd"], { FLUENTD_CONF: "x.conf" }), "fluentd [-c] [/fluentd/etc/x.conf]");
  assert.equal(entrypoint(["-v"]), "suiro [-v] [-c] [/fluentd/etc/fluent.conf]");
});

test("the entrypoint keeps the arguments that manifests for fluentd give", () => {
  const args = ["fluentd", "-c", "/a b/f.conf", "-p", "/fluentd/plugins"];
  assert.equal(entrypoint(args), "fluentd [-c] [/a b/f.conf] [-p] [/fluentd/plugins]");
  assert.equal(entrypoint(["fluentd", "--config=/x"]), "fluentd [--config=/x]");
  assert.equal(entrypoint(["fluentd", "--version"]), "fluentd [--version]");
});

test("FLUENTD_OPT is split into words and may name the configuration", () => {
  const environment = { FLUENTD_OPT: "-q  --no-supervisor" };
  assert.equal(entrypoint(["fluentd"], environment), "fluentd [-c] [/fluentd/etc/fluent.conf] [-q] [--no-supervisor]");
  assert.equal(entrypoint(["fluentd"], { FLUENTD_OPT: "-c /x.conf" }), "fluentd [-c] [/x.conf]");
});

test("subcommands and other programs run as they stand", () => {
  assert.equal(entrypoint(["suiro", "check", "-c", "/x"]), "suiro [check] [-c] [/x]");
  assert.equal(entrypoint(["ls", "-c"]), "ls [-c]");
  const { stdout } = spawnSync(process.execPath, [suiroEntry, "--help"], { encoding: "utf8" });
  const subcommands = [...(stdout.split("Commands:")[1] ?? "").matchAll(/^ {2}([a-z]+) /gm)].map(
    ([, name]) => name as string,
  );
  assert.ok(subcommands.length >= 10, stdout);
  for (const name of subcommands) {
    const called = entrypoint(["suiro", name, "x"], { FLUENTD_OPT: "-q" });
    assert.equal(called, `suiro [${name}] [x]`, "options and configuration of the agent are not its own");
  }
});

test("settings of a defaults file reach the agent", () => {
  assert.equal(
    entrypoint(["fluentd"], { DEFAULTS_TEXT: "FLUENTD_CONF=other.conf\n" }),
    "fluentd [-c] [/fluentd/etc/other.conf]",
  );
});

const dockerfile = readFileSync("Dockerfile", "utf8");

test("every path that the Dockerfile copies exists and passes .dockerignore", () => {
  const allowed = readFileSync(".dockerignore", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("!"));
  const copies = [...dockerfile.matchAll(/^COPY (?!--from)((?:--\S+ )*)(.+) \S+$/gm)].flatMap((match) =>
    (match[2] as string).split(" "),
  );
  assert.ok(copies.length >= 7, "the pattern finds the COPY lines");
  for (const path of copies) {
    assert.ok(existsSync(path), path);
    const covered = allowed.some((line) => path.startsWith(line.slice(1)) || line.slice(1).startsWith(path));
    assert.ok(covered, `${path} is kept out by .dockerignore`);
  }
});

test("the health check follows the port", async () => {
  const script = /"-e", "(.+)"\]/.exec(dockerfile)?.[1] as string;
  const check = (port: number) =>
    new Promise<number | null>((resolve) => {
      spawn(process.execPath, ["-e", script], { env: { HEALTH_PORT: String(port) } }).on("close", resolve);
    });
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  const { port } = server.address() as { port: number };
  assert.equal(await check(port), 0);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await check(port), 1);
});
