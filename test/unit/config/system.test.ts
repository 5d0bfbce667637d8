import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/config/load.ts";
import { Problems } from "../../../src/config/parameters.ts";
import { readSystem } from "../../../src/config/system.ts";

function read(lines: string) {
  const problems = new Problems();
  const root = parseConfig(`<system>\n${lines}\n</system>`, "f", { environment: {}, hostname: "h" });
  const system = readSystem(root, problems);
  return {
    system,
    errors: problems.errors.map(({ message }) => message),
    warnings: problems.warnings.map(({ message }) => message),
  };
}

test("the number of workers is one or more", () => {
  assert.deepEqual([read("workers 4").system.workers, read("workers 4").warnings], [4, []]);
  assert.match(read("workers 0").errors.join(), /invalid number of workers/);
});

test("rpc_endpoint is a host and a port", () => {
  const endpoint = (text: string) => read(`rpc_endpoint ${text}`).system.rpcEndpoint;
  assert.deepEqual(endpoint("127.0.0.1:24444"), { host: "127.0.0.1", port: 24444 });
  assert.deepEqual(endpoint(`"[::1]:24444"`), { host: "::1", port: 24444 });
  assert.deepEqual(endpoint("localhost:0"), { host: "localhost", port: 0 });
  for (const text of ["24444", ":24444", "a:b", "127.0.0.1:70000"]) {
    assert.deepEqual(read(`rpc_endpoint ${text}`).errors, [`f:2: rpc_endpoint: Invalid rpc_endpoint: ${text}`]);
  }
});

test("what cannot be honoured is refused by name, or named as unused", () => {
  assert.match(read("with_source_only true").errors.join(), /^f:2: with_source_only is not supported/);
  assert.deepEqual(read("with_source_only false").errors, []);
  assert.match(read("<counter_server>\n</counter_server>").warnings.join(), /section <counter_server> is not used/);
});
