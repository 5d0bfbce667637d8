/** What must hold once the start-up script has run: each check is a claim, and each negative one has a positive beside it. */

import assert from "node:assert/strict";
import type { ChildProgram } from "../../support/child-program.ts";
import { address, type NetworkLab } from "./network-lab.ts";

type Check = (lab: NetworkLab) => void | Promise<void>;

const refused = (outcome: string) =>
  /^(no answer|connect (ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH))/.test(outcome);

function assertRefused(outcome: string): void {
  assert.ok(refused(outcome), `expected no connection, but the far end saw ${outcome}`);
}

/** Puts the fabric back however the check ends, so that the next one starts from the same network. */
async function during(lab: NetworkLab, change: Parameters<NetworkLab["apply"]>[0], body: () => void): Promise<void> {
  const before = lab.fabric;
  lab.apply(change);
  try {
    body();
  } finally {
    lab.apply(before);
  }
}

export const natChecks = {
  "on-prem sees the fixed address": (lab) => {
    assert.equal(lab.connect("node", address.onprem), address.fixed);
  },
  "a pod that keeps its own address is translated too": (lab) => {
    assert.equal(lab.connect("node", address.onprem, 24224, address.pod), address.fixed);
  },
  "another destination keeps the node's own address": (lab) => {
    assert.equal(lab.connect("node", address.other), address.nodeExternal);
  },
  "a machine without the tag keeps its own address": (lab) => {
    assert.equal(lab.connect("other-vm", address.onprem), address.otherVmExternal);
  },
  "another port of on-prem is refused by the guest, even when the VPC firewall lets it in": async (lab) => {
    assert.equal(lab.connect("node", address.onprem), address.fixed);
    await during(lab, { allowedPort: 9999 }, () => assertRefused(lab.connect("node", address.onprem, 9999)));
  },
  "a source outside nodes and pods is refused by the guest, even when the VPC firewall lets it in": async (lab) => {
    assert.equal(lab.connect("node", address.onprem), address.fixed);
    await during(lab, { allowedSources: [address.node, "10.99.0.1"] }, () => {
      lab.run("node", "ip addr add 10.99.0.1/32 dev lo");
      assertRefused(lab.connect("node", address.onprem, 24224, "10.99.0.1"));
    });
  },
  "a pod is refused when the VPC firewall knows only the node tag": async (lab) => {
    assert.equal(lab.connect("node", address.onprem, 24224, address.pod), address.fixed);
    await during(lab, { allowedSources: [address.node] }, () =>
      assertRefused(lab.connect("node", address.onprem, 24224, address.pod)),
    );
  },
  "without canIpForward nothing passes": async (lab) => {
    assert.equal(lab.connect("node", address.onprem), address.fixed);
    await during(lab, { canIpForward: false }, () => assertRefused(lab.connect("node", address.onprem)));
  },
  "a NAT VM that bears the node tag loops": async (lab) => {
    assert.equal(lab.connect("node", address.onprem), address.fixed);
    await during(lab, { tagged: ["node", "nat"] }, () => assertRefused(lab.connect("node", address.onprem)));
  },
  "a destination outside on-prem is not forwarded, even when a packet is pushed at the VM": (lab) => {
    assert.equal(lab.connect("node", address.other), address.nodeExternal);
    lab.run("fabric", `ip route add ${address.other} via ${address.nat} dev f-nat onlink table 100`);
    lab.run("fabric", `nft insert rule ip vpc forward oifname f-nat ip daddr ${address.other} accept`);
    try {
      assertRefused(lab.connect("node", address.other));
    } finally {
      lab.run("fabric", `ip route del ${address.other} table 100`);
      lab.apply({});
    }
  },
  "on-prem cannot open a connection to the VM": async (lab) => {
    await lab.serve("nat", 7000);
    lab.run("fabric", "nft insert rule ip vpc forward oifname f-nat tcp dport 7000 accept");
    try {
      assert.equal(lab.connect("other-vm", address.nat, 7000), address.otherVm);
      assertRefused(lab.connect("onprem", address.fixed, 7000));
    } finally {
      lab.apply({});
    }
  },
  "a large upload passes a link of 1300 bytes behind the NAT": (lab) => {
    assert.equal(lab.upload("node", address.onprem, 300_000), "300000");
    lab.run("fabric", "ip link set f-onprem mtu 1300");
    try {
      assert.equal(lab.upload("node", address.onprem, 300_000), "300000");
    } finally {
      lab.run("fabric", "ip link set f-onprem mtu 1500; ip route flush cache");
      lab.run("node", "ip route flush cache");
    }
  },
  "both ends are told segments of at most 1420 bytes": (lab) => {
    const links = (mtu: number) => {
      for (const place of ["node", "nat", "onprem"] as const) {
        lab.run(place, `ip link set ens4 mtu ${mtu}`);
        lab.run("fabric", `ip link set f-${place} mtu ${mtu}`);
      }
    };
    links(8896);
    try {
      const limited = "tcp option maxseg size 1420";
      const seen = lab.watch(
        `iifname f-nat oifname f-onprem tcp flags & (syn | ack) == syn ${limited}`,
        `iifname f-nat oifname f-node tcp flags & (syn | ack) == syn | ack ${limited}`,
      );
      assert.equal(lab.connect("node", address.onprem), address.fixed);
      assert.deepEqual(seen(), [1, 1]);
    } finally {
      links(1460);
    }
  },
  "running the script again changes nothing": (lab) => {
    const before = lab.rules();
    assert.match(before, /masquerade/i);
    assert.equal(lab.repeatStartUp().code, 0);
    assert.equal(lab.repeatStartUp().code, 0);
    assert.equal(lab.rules(), before);
  },
  "an established connection outlives a replaced VM, and nothing is lost": async (lab) => {
    const talk = lab.talk("node", address.onprem);
    await talk.waitFor(`${address.fixed}\n`);
    talk.stdin.write("before\n");
    await talk.waitFor(/^7$/m);
    await lab.replaceNat("lost");
    talk.stdin.write("in the gap\n");
    assert.equal(lab.repeatStartUp().code, 0);
    talk.stdin.write("after\n");
    await within(20_000, talk, talk.waitFor(/^24$/m));
    await talk.stop("SIGKILL");
  },
  "when on-prem speaks first to a replaced VM the connection is not reset": async (lab) => {
    const talk = lab.talk("node", address.onprem);
    await talk.waitFor(`${address.fixed}\n`);
    lab.settle();
    await lab.replaceNat("kept");
    const spoken = lab.watch("iifname f-onprem oifname f-nat tcp flags & psh == psh");
    assert.equal(lab.repeatStartUp().code, 0);
    lab.speakFromOnprem();
    while (spoken()[0] === 0);
    talk.stdin.write("answer\n");
    await within(20_000, talk, talk.waitFor(/^7$/m));
    await within(20_000, talk, talk.waitFor("spoken by the server"));
    await talk.stop("SIGKILL");
  },
  "the health answer is 200 only while packets are translated": (lab) => {
    const health = () => lab.inNat("printf 'GET / HTTP/1.1\\r\\n\\r\\n' | /etc/suiro-nat/health").output;
    assert.match(health(), /^HTTP\/1\.1 200 OK/);
    lab.run("nat", "sysctl -qw net.ipv4.ip_forward=0");
    assert.match(health(), /^HTTP\/1\.1 503 [\s\S]*forwarding=0/);
    lab.run("nat", "sysctl -qw net.ipv4.ip_forward=1");
    assert.match(health(), /^HTTP\/1\.1 200 OK/);
    lab.inNat("nft delete table ip suiro_nat 2>/dev/null || iptables -t nat -F SUIRO-NAT");
    assert.match(health(), /^HTTP\/1\.1 503 [\s\S]*masquerade=absent/);
    assert.equal(lab.repeatStartUp().code, 0);
    assert.match(health(), /^HTTP\/1\.1 200 OK/);
  },
  "forwarding is kept in a file that sorts after Google's own": (lab) => {
    const { output } = lab.inNat("ls /etc/sysctl.d; cat /etc/sysctl.d/98-suiro-nat.conf");
    assert.match(output, /net\.ipv4\.ip_forward = 1/);
    assert.ok("98-suiro-nat.conf" > "60-gce-network-security.conf");
  },
  "the rules of the next boot are loaded before any network": (lab) => {
    lab.clearRules();
    assert.notEqual(lab.connect("node", address.onprem), address.fixed);
    assert.equal(lab.inNat("/etc/suiro-nat/load").code, 0);
    assert.equal(lab.connect("node", address.onprem), address.fixed);
    assert.match(
      lab.inNat("cat /etc/systemd/system/suiro-nat.service").output,
      /Before=systemd-sysctl\.service network-pre\.target/,
    );
  },
} satisfies Record<string, Check>;

/** Ends a program that never says what is awaited, so that the wait fails with its output. */
async function within(limitMs: number, program: ChildProgram, awaited: Promise<unknown>): Promise<void> {
  const patience = setTimeout(() => program.kill("SIGKILL"), limitMs);
  await awaited.finally(() => clearTimeout(patience));
}
