/** The unmodified start-up script on the iptables of images that have no nftables. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { natChecks } from "../lab/nat-checks.ts";
import { withoutLegacy } from "../lab/network-lab.ts";
import { labOf, startupScript as script } from "../lab/startup-script.ts";

/** What the older iptables could do otherwise than the one on top of nftables: hooks, its own tables, restore. */
const legacyClaims: readonly (keyof typeof natChecks)[] = [
  "on-prem sees the fixed address",
  "a pod that keeps its own address is translated too",
  "another destination keeps the node's own address",
  "another port of on-prem is refused by the guest, even when the VPC firewall lets it in",
  "a destination outside on-prem is not forwarded, even when a packet is pushed at the VM",
  "on-prem cannot open a connection to the VM",
  "a large upload passes a link of 1300 bytes behind the NAT",
  "both ends are told segments of at most 1420 bytes",
  "running the script again changes nothing",
  "an established connection outlives a replaced VM, and nothing is lost",
  "the health answer is 200 only while packets are translated",
  "the rules of the next boot are loaded before any network",
];

test("the start-up script on the iptables of images without nftables", { skip: withoutLegacy }, async (context) => {
  const lab = await labOf(context);
  const { code, output } = lab.startUp(script, { backend: "iptables-legacy" });
  assert.match(output.split("\n").at(-1) ?? "", /^nat-startup: ready interface=ens4 backend=iptables /);
  assert.equal(code, 0);
  assert.match(lab.run("nat", "iptables-legacy-save").output, /-A SUIRO-NAT .* -j MASQUERADE/);
  assert.doesNotMatch(lab.run("nat", "nft list ruleset").output, /masquerade/i);
  for (const claim of legacyClaims) await context.test(claim, () => natChecks[claim](lab));
});
