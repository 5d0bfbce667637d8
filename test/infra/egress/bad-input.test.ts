/** Bad input gives a clear sentence and changes nothing. */

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type emptyCloud, FakeProject, goodFlags, nodeTag } from "./fake-project.ts";

const without = (name: string) => goodFlags.filter((flag) => !flag.startsWith(`--${name}=`));

const badFlags: Record<string, [flags: string[], says: RegExp]> = {
  "no cluster": [without("clusters"), /clusters is missing/],
  "no range": [without("onprem-cidrs"), /onprem_cidrs is missing/],
  "no zone": [without("zone"), /zone is missing: give --zone, or zone in egress\.yaml/],
  "no project": [without("project"), /project is missing/],
  "a wrong zone": [
    [...goodFlags, "--zone=europe-west1"],
    /zone: "europe-west1" is not valid; an example is europe-west1-b/,
  ],
  "not a CIDR": [[...goodFlags, "--onprem-cidrs=198.51.100.0/33"], /"198\.51\.100\.0\/33" is not an IPv4 range/],
  "a CIDR with bits below its prefix": [[...goodFlags, "--onprem-cidrs=198.51.100.7/24"], /write 198\.51\.100\.0\/24/],
  "an IPv6 range": [[...goodFlags, "--onprem-cidrs=2001:db8::/32"], /is not an IPv4 range/],
  everything: [[...goodFlags, "--onprem-cidrs=0.0.0.0/0"], /would send everything, the control plane included/],
  "a private range": [
    [...goodFlags, "--onprem-cidrs=10.200.0.0/16"],
    /is private address space, .* use VPN or Interconnect/,
  ],
  "overlapping ranges": [
    [...without("onprem-cidrs"), "--onprem-cidrs=198.51.100.0/24,198.51.100.128/25"],
    /198\.51\.100\.0\/24 and 198\.51\.100\.128\/25 overlap/,
  ],
  "a route priority of 1000": [
    [...goodFlags, "--route-priority=1000"],
    /route_priority is 1000; it must be 100 to 999/,
  ],
  "a deny priority above 999": [[...goodFlags, "--deny-priority=65000"], /deny_priority is 65000/],
  "allow not before deny": [
    [...goodFlags, "--allow-priority=950"],
    /allow_priority 950 must be a lower number than deny_priority 950/,
  ],
  "a bad port": [[...goodFlags, "--onprem-ports=70000"], /onprem_ports: "70000" is not a port/],
  "a port range upside down": [[...goodFlags, "--onprem-ports=9-8"], /"9-8"/],
  "a name with capitals": [[...goodFlags, "--name=NAT"], /name: "NAT" is not valid/],
  "an unknown flag": [[...goodFlags, "--onprem=1"], /Unknown option '--onprem'/],
  "a standby zone elsewhere": [[...goodFlags, "--standby-zone=us-east1-b"], /must be another zone of europe-west1/],
  "an unknown kind of HA": [[...goodFlags, "--ha=ecmp"], /ha: "ecmp" is not valid/],
  "the VM's tag is a node tag": [[...goodFlags, "--node-tags=suiro-egress"], /come back to it in a loop/],
  "a cluster that is not there": [
    [...without("clusters"), "--clusters=nope"],
    /no cluster nope in the project; it has: shop@europe-west1/,
  ],
  "a cluster in another place": [[...without("clusters"), "--clusters=shop@us-east1"], /no cluster shop@us-east1/],
  "a cluster name with a space": [[...without("clusters"), "--clusters=my shop"], /is not NAME or NAME@LOCATION/],
  "a zone without subnet": [[...goodFlags, "--zone=asia-east1-a"], /no subnet in asia-east1/],
};

for (const [what, [flags, says]] of Object.entries(badFlags)) {
  test(`${what} is refused by plan and up`, async () => {
    const project = new FakeProject();
    for (const command of ["plan", "up"]) {
      const { code, errors, output } = await project.run(command, flags);
      assert.equal(code, 1, output);
      assert.match(errors, says);
      assert.deepEqual(project.takeCalls(), []);
    }
  });
}

const badClouds: Record<string, [spoil: (cloud: ReturnType<typeof emptyCloud>) => void, says: RegExp]> = {
  "two clusters of one name": [
    (cloud) => cloud.clusters.push({ ...cloud.clusters[0], location: "us-east1" }),
    /There are 2 clusters named shop; say which: shop@europe-west1 and shop@us-east1/,
  ],
  "the range holds the control plane": [
    (cloud) => (cloud.clusters[0]!.endpoint = "198.51.100.9"),
    /198\.51\.100\.0\/24 holds the control plane of shop \(198\.51\.100\.9\)/,
  ],
  "the range overlaps a subnet": [
    (cloud) => (cloud.subnets[0]!.secondaryIpRanges = [{ rangeName: "x", ipCidrRange: "198.51.100.64/26" }]),
    /overlaps 198\.51\.100\.64\/26 of the subnet default/,
  ],
  "a stronger route of the same range": [
    (cloud) => cloud.routes.push({ name: "vpn", network: "default", destRange: "198.51.100.0/24", priority: 100 }),
    /The route vpn has the same range 198\.51\.100\.0\/24 and priority 100/,
  ],
  "nodes without a tag": [
    (cloud) => (cloud.templates[0]!.properties.tags.items = ["web"]),
    /bear 0 tags .* --node-tags/,
  ],
  "nodes with two tags": [
    (cloud) => cloud.templates[0]!.properties.tags.items.push("gke-old-99999999-node", nodeTag),
    /bear 3 tags .* --node-tags/,
  ],
  "a cluster in another network": [
    (cloud) => cloud.clusters.push({ ...cloud.clusters[0], name: "other", network: "prod" }),
    /in the network prod, not in default/,
  ],
};

for (const [what, [spoil, says]] of Object.entries(badClouds)) {
  test(`${what}: refused, nothing changed`, async () => {
    const project = new FakeProject();
    project.change((cloud) => void spoil(cloud));
    const clusters = what.includes("another network") ? ["--clusters=shop,other"] : ["--clusters=shop"];
    const { code, errors } = await project.run("up", [...without("clusters"), ...clusters]);
    assert.equal(code, 1);
    assert.match(errors, says);
    assert.deepEqual(project.takeCalls(), []);
  });
}

test("a private range is taken when the operator says so", async () => {
  const project = new FakeProject();
  const { code } = await project.run("plan", [
    ...without("onprem-cidrs"),
    "--onprem-cidrs=10.200.0.0/16",
    "--allow-private",
  ]);
  assert.equal(code, 2);
});

test("more specific routes and stronger firewall rules are warned of", async () => {
  const project = new FakeProject();
  project.change((cloud) => {
    cloud.routes.push({ name: "branch", network: "default", destRange: "198.51.100.128/25", priority: 1000 });
    cloud.firewallRules.push({
      name: "allow-all",
      network: "default",
      priority: 100,
      allowed: [{ IPProtocol: "all" }],
    });
  });
  const { output } = await project.run("plan");
  assert.match(output, /Warning: The route branch \(198\.51\.100\.128\/25\) is more specific/);
  assert.match(output, /Warning: The firewall rule allow-all \(priority 100\) also applies to the NAT VM/);
});

for (const command of ["advise", "plan", "up", "status", "verify", "down"]) {
  test(`${command} without gcloud, and without a login, says so`, async () => {
    const project = new FakeProject();
    project.usesPrograms = true;
    const none = await project.run(command, goodFlags, { PATH: "/nonexistent" });
    assert.equal(none.code, 1);
    assert.match(none.errors, /gcloud is not installed/);
    project.usesPrograms = false;
    project.fault = { at: "list", kind: "login" };
    const out = await project.run(command);
    assert.equal(out.code, 1);
    assert.match(out.errors, /not logged in; run `gcloud auth login`/);
    assert.deepEqual(project.takeCalls(), []);
  });
}

test("settings come from the file, the environment and flags, the later stronger", async () => {
  const project = new FakeProject();
  const file = join(mkdtempSync(join(project.folder, "settings-")), "egress.yaml");
  writeFileSync(
    file,
    "project: demo-project\nzone: europe-west1-c\nclusters: [shop]\nonprem_cidrs:\n  - 198.51.100.0/24\nname: from-file\nroute_priority: 800\n",
  );
  const environment = { SUIRO_EGRESS_ZONE: "europe-west1-d", SUIRO_EGRESS_NAME: "from-env" };
  const { code, output } = await project.run("plan", [`--config=${file}`, "--name=from-flag"], environment);
  assert.equal(code, 2);
  assert.match(output, /instances create from-flag --zone=europe-west1-d/);
  assert.match(output, /routes create .*--priority=800/);
});

for (const [what, text, says] of [
  ["a key that is no setting", "project: demo-project\nzones: x\n", /"zones" is not a setting/],
  ["text that is not YAML", "a: [\n", /is not YAML/],
  ["a list at the top", "- a\n", /must hold keys and values/],
] as const) {
  test(`a settings file with ${what} is refused`, async () => {
    const project = new FakeProject();
    const file = join(project.folder, "egress.yaml");
    writeFileSync(file, text);
    const { code, errors } = await project.run("plan", [...goodFlags, `--config=${file}`]);
    assert.equal(code, 1);
    assert.match(errors, says);
  });
}

test("a settings file that is named but absent is an error", async () => {
  const { code, errors } = await new FakeProject().run("plan", [...goodFlags, "--config=/nonexistent.yaml"]);
  assert.equal(code, 1);
  assert.match(errors, /nonexistent\.yaml cannot be read/);
});

test("an unknown subcommand names the known ones", async () => {
  const { code, errors } = await new FakeProject().run("apply");
  assert.equal(code, 1);
  assert.match(errors, /Say one of advise, plan, up/);
});
