/** The unmodified start-up script in a machine of a small Google network, on both packet filters. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { natChecks } from "../lab/nat-checks.ts";
import { address, withoutLab as skip } from "../lab/network-lab.ts";
import { labOf, startupScript as script } from "../lab/startup-script.ts";
import { projectFolder } from "./fake-project.ts";

const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
test("shellcheck finds nothing in any script", { skip: !hasShellcheck && !process.env.CI && "no shellcheck" }, () => {
  const { stdout: listed } = spawnSync("git", ["ls-files", "*.sh", ".ci/run"], {
    cwd: projectFolder,
    encoding: "utf8",
  });
  const scripts = listed.trim().split("\n");
  assert.ok(scripts.includes("infra/egress/startup.sh") && scripts.includes("infra/receiver/make-certificate.sh"));
  const { status, stdout } = spawnSync("shellcheck", scripts, { cwd: projectFolder, encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

for (const backend of ["nft", "iptables"] as const) {
  test(`the start-up script on ${backend}`, { skip }, async (context) => {
    const lab = await labOf(context);
    await context.test("before it runs nothing passes, and nothing leaks", () => {
      assert.match(lab.connect("node", address.onprem), /^no answer/);
      assert.equal(lab.connect("node", address.other), address.nodeExternal);
    });
    await context.test("it ends with its ready line", () => {
      const { code, output } = lab.startUp(script, { backend });
      assert.match(
        output.split("\n").at(-1) ?? "",
        new RegExp(`^nat-startup: ready interface=ens4 backend=${backend} `),
      );
      assert.equal(code, 0);
    });
    for (const [claim, check] of Object.entries(natChecks)) await context.test(claim, () => check(lab));
  });
}

test("bad attributes stop the script with the reason on its last line, and the rules stay", {
  skip,
}, async (context) => {
  const lab = await labOf(context);
  assert.equal(lab.startUp(script).code, 0);
  const rules = lab.rules();
  const cases: [Record<string, string>, RegExp][] = [
    [{ "onprem-cidrs": "0.0.0.0/0" }, /onprem-cidrs: '0\.0\.0\.0\/0' is not an IPv4 range/],
    [{ "onprem-cidrs": "198.51.100.0/33" }, /onprem-cidrs: '198\.51\.100\.0\/33'/],
    [{ "source-cidrs": "10.0.0.0/8; reboot" }, /source-cidrs: '10\.0\.0\.0\/8;'/],
    [{ "onprem-ports": "24224,70000" }, /onprem-ports: '70000' is not a port/],
    [{ "onprem-ports": "9-8" }, /onprem-ports: '9-8'/],
    [{ "onprem-cidrs": " \n" }, /onprem-cidrs is empty/],
  ];
  for (const [attributes, reason] of cases) {
    const { code, output } = lab.startUp(script, { attributes });
    assert.equal(code, 1);
    assert.match(output.split("\n").at(-1) ?? "", /^nat-startup: failed /);
    assert.match(output, reason);
    assert.equal(lab.rules(), rules);
  }
});
