/** The unmodified start-up script in a machine of a small Google network, on both packet filters; and broken ones. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { natChecks } from "../lab/nat-checks.ts";
import { address, NetworkLab, withoutLab } from "../lab/network-lab.ts";

const path = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..", "infra", "egress", "startup.sh");
const script = readFileSync(path, "utf8");
const skip = withoutLab;

async function labOf(context: TestContext): Promise<NetworkLab> {
  const lab = await NetworkLab.start();
  context.after(() => lab.stop());
  await Promise.all([lab.serve("onprem", 24224), lab.serve("onprem", 9999), lab.serve("other", 24224)]);
  return lab;
}

const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
test("shellcheck finds nothing in the script", { skip: !hasShellcheck && !process.env.CI && "no shellcheck" }, () => {
  const { status, stdout } = spawnSync("shellcheck", [path], { encoding: "utf8" });
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

/** A fault of the script, and the check that must see it. */
interface Mutant {
  readonly from: string | RegExp;
  readonly to: string;
  readonly seenBy: keyof typeof natChecks;
  readonly backend?: "iptables";
}

const mutants: Record<string, Mutant> = {
  "the interface is taken for eth0": {
    from: /interface=\$\(ip .*\)$/m,
    to: "interface=eth0",
    seenBy: "on-prem sees the fixed address",
  },
  "forwarding is not switched on": {
    from: "net.ipv4.ip_forward = 1",
    to: "net.ipv4.ip_forward = 0",
    seenBy: "on-prem sees the fixed address",
  },
  "everything is forwarded": {
    from: "hook forward priority filter; policy drop",
    to: "hook forward priority filter; policy accept",
    seenBy: "a destination outside on-prem is not forwarded, even when a packet is pushed at the VM",
  },
  "everything is forwarded (iptables)": {
    from: "-A SUIRO-FORWARD -j DROP",
    to: "-A SUIRO-FORWARD -j ACCEPT",
    seenBy: "a destination outside on-prem is not forwarded, even when a packet is pushed at the VM",
    backend: "iptables",
  },
  "every port is forwarded": {
    from: "tcp dport @ports",
    to: "",
    seenBy: "another port of on-prem is refused by the guest, even when the VPC firewall lets it in",
  },
  "the way back is allowed by source": {
    from: "ip daddr @sources ct state established,related",
    to: "ip saddr @onprem ct state established,related",
    seenBy: "a large upload passes a link of 1300 bytes behind the NAT",
  },
  "rules are appended without a check": {
    from: "\ndelete table ip suiro_nat\n",
    to: "\n",
    seenBy: "running the script again changes nothing",
  },
  "rules are appended without a check (iptables)": {
    from: /iptables -t "\$1" -C .* \|\| iptables -t "\$1" -I "\$2" 1/,
    to: 'iptables -t "$1" -A "$2"',
    seenBy: "running the script again changes nothing",
    backend: "iptables",
  },
  "source ports are chosen at random": {
    from: "counter masquerade",
    to: "counter masquerade fully-random",
    seenBy: "an established connection outlives a replaced VM, and nothing is lost",
  },
  "the VM answers for connections it does not know": {
    from: "ip saddr @onprem ct state { new, invalid } drop",
    to: "",
    seenBy: "when on-prem speaks first to a replaced VM the connection is not reset",
  },
  "segments are not limited": {
    from: /^.*maxseg size.*$/m,
    to: "",
    seenBy: "both ends are told segments of at most 1420 bytes",
  },
  "pods are forgotten": {
    from: 'elements = { $(commas "$source_cidrs") }',
    to: "elements = { 10.128.0.0/20 }",
    seenBy: "a pod that keeps its own address is translated too",
  },
};

for (const [fault, { from, to, seenBy, backend }] of Object.entries(mutants)) {
  test(`a script with a fault is caught: ${fault}`, { skip }, async (context) => {
    const lab = await labOf(context);
    const broken = script.replace(from, to);
    assert.notEqual(broken, script, "the fault was not put in");
    lab.startUp(broken, { backend: backend ?? "nft" });
    await assert.rejects(async () => natChecks[seenBy](lab));
  });
}
