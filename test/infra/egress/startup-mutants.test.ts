/** Start-up scripts with one fault each: the checks of the lab must see every one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { natChecks } from "../lab/nat-checks.ts";
import { withoutLab as skip } from "../lab/network-lab.ts";
import { labOf, startupScript as script } from "../lab/startup-script.ts";

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
