/** `plan`, `up`, `status` and `down` on a fake project: fresh, repeated, interrupted, drifted, foreign, refused. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { FakeProject, goodFlags, nodeTag } from "./fake-project.ts";

/** A project on which `up` has been run. */
async function built(flags = goodFlags): Promise<FakeProject> {
  const project = new FakeProject();
  const { code, output, errors } = await project.run("up", flags);
  assert.equal(code, 0, output + errors);
  project.takeCalls();
  return project;
}

/** What kind of thing each mutating call was about. */
const verbs = (calls: readonly string[]) => calls.map((call) => call.split(" ").slice(1, 3).join(" "));

const fresh = [
  "addresses create",
  "instances create",
  "firewall-rules create",
  "firewall-rules create",
  "routes create",
];

test("a plan on a fresh project shows every command, changes nothing and exits with 2", async () => {
  const project = new FakeProject();
  const { code, output } = await project.run("plan");
  assert.equal(code, 2);
  assert.deepEqual(project.takeCalls(), []);
  assert.deepEqual(
    output
      .split("\n")
      .filter((line) => line.startsWith("    gcloud"))
      .map((line) =>
        line
          .trim()
          .replace(/suiro-config=[0-9a-f]{12}/, "suiro-config=HASH")
          .replace(/suiro-egress-[0-9a-f]{8}/, "suiro-egress-HASH"),
      ),
    [
      "gcloud compute addresses create suiro-egress-ip --region=europe-west1 --network-tier=PREMIUM '--description=managed-by=suiro-egress name=suiro-egress'",
      "gcloud compute instances create suiro-egress --zone=europe-west1-b --network-interface=subnet=default,address=suiro-egress-ip,network-tier=PREMIUM --machine-type=e2-small --can-ip-forward --tags=suiro-egress --image-family=debian-12 --image-project=debian-cloud --boot-disk-size=10GB --boot-disk-type=pd-balanced '--metadata=enable-oslogin=TRUE,block-project-ssh-keys=TRUE,onprem-cidrs=198.51.100.0/24,onprem-ports=24224,source-cidrs=10.132.0.0/20 10.8.0.0/14' \"--metadata-from-file=startup-script=$STARTUP_SCRIPT\" --no-service-account --no-scopes --shielded-secure-boot --shielded-vtpm --shielded-integrity-monitoring --maintenance-policy=MIGRATE --labels=managed-by=suiro-egress,suiro-egress=suiro-egress,suiro-config=HASH '--description=managed-by=suiro-egress name=suiro-egress' --deletion-protection",
      "gcloud compute firewall-rules create suiro-egress-deny --network=default --direction=INGRESS --action=DENY --rules=all --priority=950 --source-ranges=0.0.0.0/0 --target-tags=suiro-egress '--description=managed-by=suiro-egress name=suiro-egress'",
      `gcloud compute firewall-rules create suiro-egress-allow --network=default --direction=INGRESS --action=ALLOW --rules=tcp:24224 --priority=900 --source-ranges=10.8.0.0/14 --source-tags=${nodeTag} --destination-ranges=198.51.100.0/24 --target-tags=suiro-egress '--description=managed-by=suiro-egress name=suiro-egress'`,
      `gcloud compute routes create suiro-egress-HASH --network=default --destination-range=198.51.100.0/24 --tags=${nodeTag} --next-hop-instance=suiro-egress --next-hop-instance-zone=europe-west1-b --priority=900 '--description=managed-by=suiro-egress name=suiro-egress'`,
    ],
  );
  assert.match(output, /Cost a month: \$16\.88/);
});

test("up builds in the safe order, with the route last and only after the VM is ready", async () => {
  const project = new FakeProject();
  const { code, output } = await project.run("up");
  assert.equal(code, 0);
  assert.deepEqual(verbs(project.takeCalls()), fresh);
  assert.ok(output.indexOf("nat-startup: ready") < output.indexOf("routes create"));
  assert.ok(output.indexOf("nat-startup: ready") > output.indexOf("firewall-rules create"));
  assert.match(output, /Let on-prem allow 203\.0\.113\.10, TCP 24224/);
});

test("a second up makes no mutating call, and plan and status find nothing", async (_context) => {
  const project = await built();
  assert.equal((await project.run("up")).code, 0);
  assert.equal((await project.run("plan")).code, 0);
  const status = await project.run("status");
  assert.equal(status.code, 0, status.output);
  assert.match(status.output, /In order; on-prem sees 203\.0\.113\.10/);
  assert.deepEqual(project.takeCalls(), []);
});

for (let step = 1; step <= fresh.length; step++) {
  test(`up that is killed after step ${step} is picked up by the next`, async () => {
    const project = new FakeProject();
    project.fault = { at: step, kind: "kill" };
    assert.notEqual(await project.runApart("up"), 0);
    assert.deepEqual(verbs(project.takeCalls()), fresh.slice(0, step));
    project.fault = undefined;
    const { code, output, errors } = await project.run("up");
    assert.equal(code, 0, output + errors);
    assert.deepEqual(verbs(project.takeCalls()), fresh.slice(step));
    assert.equal((await project.run("plan")).code, 0);
  });
}

for (const kind of ["permission", "quota", "error"] as const) {
  for (let step = 1; step <= fresh.length; step++) {
    test(`up that meets a ${kind} failure at step ${step} undoes its own run and keeps the address`, async () => {
      const project = new FakeProject();
      project.fault = { at: step, kind };
      const { code, output, errors } = await project.run("up");
      assert.equal(code, 1);
      assert.match(
        errors,
        { permission: /lacks a role/, quota: /quota .* is used up/i, error: /Internal error/ }[kind],
      );
      const { cloud } = project;
      assert.equal(cloud.addresses.length, step === 1 ? 0 : 1);
      assert.deepEqual([cloud.instances, cloud.firewallRules], [[], []]);
      assert.deepEqual(
        cloud.routes.map((route) => route.name),
        ["default-route"],
      );
      if (step > 1) assert.match(output, /The address stays reserved/);
      project.fault = undefined;
      project.takeCalls();
      assert.equal((await project.run("up")).code, 0);
    });
  }
}

test("a creation that meets the same name, made meanwhile, leaves it alone", async () => {
  const project = new FakeProject();
  project.fault = { at: 3, kind: "exists" };
  const { code, errors } = await project.run("up");
  assert.equal(code, 1);
  assert.match(errors, /exists already/);
  assert.ok(!project.takeCalls().some((call) => call.includes("firewall-rules delete")));
});

test("a VM whose script fails, or says nothing, gets no route, and the reason is told", async () => {
  for (const [startup, reason] of [
    ["nat-startup: failed nft refuses the rules\n", /says: nat-startup: failed nft refuses the rules/],
    ["kernel: hello\n", /did not report ready within 10 s[\s\S]*kernel: hello/],
  ] as const) {
    const project = new FakeProject();
    project.change((cloud) => {
      cloud.startup = startup;
    });
    const { code, errors } = await project.run("up");
    assert.equal(code, 1);
    assert.match(errors, reason);
    assert.ok(!project.takeCalls().some((call) => call.includes("routes create")));
    assert.deepEqual(project.cloud.instances, []);
  }
});

/** A change made by hand, what the plan says of it, and the calls that mend it. */
const drifts: Record<string, { spoil: (project: FakeProject) => void; says: RegExp; mends: string[] }> = {
  "a firewall rule was widened": {
    spoil: (project) => project.change((cloud) => (cloud.firewallRules[1]!.sourceRanges = ["0.0.0.0/0"])),
    says: /source ranges: 0\.0\.0\.0\/0 → 10\.8\.0\.0\/14/,
    mends: ["firewall-rules update"],
  },
  "a firewall rule was switched off": {
    spoil: (project) => project.change((cloud) => (cloud.firewallRules[0]!.disabled = true)),
    says: /enabled: no → yes/,
    mends: ["firewall-rules update"],
  },
  "a firewall rule was turned around": {
    spoil: (project) => project.change((cloud) => (cloud.firewallRules[0]!.direction = "EGRESS")),
    says: /direction: EGRESS → INGRESS/,
    mends: ["firewall-rules delete", "firewall-rules create"],
  },
  "a firewall rule is gone": {
    spoil: (project) => project.change((cloud) => cloud.firewallRules.pop()),
    says: /firewall rule suiro-egress-allow: it does not exist/,
    mends: ["firewall-rules create"],
  },
  "the VM bears the node tag": {
    spoil: (project) => project.change((cloud) => cloud.instances[0]!.tags.items.push(nodeTag)),
    says: /tags: .*gke-shop-0a1b2c3d-node.* → suiro-egress/,
    mends: ["instances remove-tags"],
  },
  "the VM was stopped": {
    spoil: (project) => project.change((cloud) => (cloud.instances[0]!.status = "TERMINATED")),
    says: /status: TERMINATED → RUNNING/,
    mends: ["instances start"],
  },
  "deletion protection is off": {
    spoil: (project) => project.change((cloud) => (cloud.instances[0]!.deletionProtection = false)),
    says: /deletion protection: no → yes/,
    mends: ["instances update"],
  },
  "the VM's attributes were changed": {
    spoil: (project) =>
      project.change(
        (cloud) =>
          (cloud.instances[0]!.metadata.items.find((item: any) => item.key === "onprem-cidrs").value = "0.0.0.0/0"),
      ),
    says: /metadata: /,
    mends: ["instances add-metadata", "instances reset", "instances add-labels"],
  },
  "the VM lost its address": {
    spoil: (project) =>
      project.change((cloud) => {
        cloud.instances[0]!.networkInterfaces[0].accessConfigs = [{ name: "nat", natIP: "34.1.1.1" }];
        cloud.addresses[0]!.users = [];
      }),
    says: /external address: 34\.1\.1\.1 → 203\.0\.113\.10/,
    mends: ["instances delete-access-config", "instances add-access-config"],
  },
  "the VM cannot forward": {
    spoil: (project) => project.change((cloud) => (cloud.instances[0]!.canIpForward = false)),
    says: /forwarding: no → yes[\s\S]*made anew/,
    mends: ["instances update", "instances delete", "instances create"],
  },
  "the VM has a service account": {
    spoil: (project) => project.change((cloud) => (cloud.instances[0]!.serviceAccounts = [{ email: "x" }])),
    says: /service accounts: 1 → 0/,
    mends: ["instances update", "instances delete", "instances create"],
  },
  "the route is gone": {
    spoil: (project) => project.change((cloud) => cloud.routes.pop()),
    says: /route suiro-egress-\w+: it does not exist/,
    mends: ["routes create"],
  },
  "the route lost its tag": {
    spoil: (project) => project.change((cloud) => (cloud.routes[1]!.tags = [])),
    says: /no longer wanted/,
    mends: ["routes create", "routes delete"],
  },
};

for (const [what, { spoil, says, mends }] of Object.entries(drifts)) {
  test(`drift is told and mended: ${what}`, async (_context) => {
    const project = await built();
    spoil(project);
    const plan = await project.run("plan");
    assert.equal(plan.code, 2);
    assert.match(plan.output, says);
    assert.notEqual((await project.run("status")).code, 0);
    assert.deepEqual(project.takeCalls(), []);
    const up = await project.run("up");
    assert.equal(up.code, 0, up.output + up.errors);
    assert.deepEqual(verbs(project.takeCalls()), mends);
    assert.equal((await project.run("plan")).code, 0);
  });
}

test("an update that is killed before the VM booted again is finished by the next run", async (_context) => {
  const project = await built();
  const wider = [...goodFlags, "--onprem-ports=24224,24225"];
  project.fault = { at: "add-metadata", kind: "kill" };
  await project.runApart("up", wider);
  project.fault = undefined;
  project.takeCalls();
  assert.equal((await project.run("up", wider)).code, 0);
  assert.deepEqual(verbs(project.takeCalls()), ["instances reset", "instances add-labels", "firewall-rules update"]);
});

test("after a reboot only what the serial port says from then on counts", async (_context) => {
  const project = await built();
  project.change((cloud) => {
    cloud.startup = "nat-startup: failed no such thing\n";
  });
  const { code, errors } = await project.run("up", [...goodFlags, "--onprem-ports=24224,24225"]);
  assert.equal(code, 1);
  assert.match(errors, /failed no such thing/);
});

test("a route is replaced by a stronger one first, and the old one goes last", async (_context) => {
  const project = await built();
  const old = project.cloud.routes[1]!;
  project.change((cloud) => {
    cloud.clusters.push({ ...cloud.clusters[0], name: "second" });
  });
  const flags = [...goodFlags, "--node-tags=gke-shop-0a1b2c3d-node,gke-second-0a1b2c3d-node"];
  assert.equal((await project.run("up", flags)).code, 0);
  const calls = project.takeCalls();
  assert.deepEqual(verbs(calls), ["firewall-rules update", "routes create", "routes delete"]);
  assert.match(calls[1]!, /--priority=899/);
  assert.match(calls[2]!, new RegExp(`delete ${old.name}`));
  assert.equal((await project.run("plan", flags)).code, 0);
});

for (const [kind, add] of Object.entries({
  "firewall rule": (project: FakeProject) =>
    project.change((cloud) =>
      cloud.firewallRules.push({ name: "suiro-egress-allow", network: "default", allowed: [] }),
    ),
  instance: (project: FakeProject) =>
    project.change((cloud) =>
      cloud.instances.push({ name: "suiro-egress", zone: "zones/europe-west1-b", description: "mine" }),
    ),
  address: (project: FakeProject) =>
    project.change((cloud) => cloud.addresses.push({ name: "suiro-egress-ip", region: "regions/europe-west1" })),
})) {
  test(`a foreign ${kind} of the same name is refused by plan and up, and left by down`, async () => {
    const project = new FakeProject();
    add(project);
    const before = JSON.stringify(project.cloud);
    for (const command of ["plan", "up"]) {
      const { code, errors } = await project.run(command);
      assert.equal(code, 1);
      assert.match(errors, new RegExp(`The ${kind} suiro-egress\\S* exists and was not made by this tool`));
    }
    assert.equal((await project.run("down", [...goodFlags, "--release-ip"])).code, 0);
    assert.equal(JSON.stringify(project.cloud), before);
    assert.deepEqual(project.takeCalls(), []);
  });
}

test("down removes routes first and keeps the address; --release-ip gives it back; twice does nothing", async (_context) => {
  const project = await built();
  const { code, output } = await project.run("down");
  assert.equal(code, 0);
  assert.match(output, /The address 203\.0\.113\.10 \(suiro-egress-ip\) stays reserved/);
  assert.deepEqual(verbs(project.takeCalls()), [
    "routes delete",
    "firewall-rules delete",
    "firewall-rules delete",
    "instances update",
    "instances delete",
  ]);
  assert.equal((await project.run("down")).code, 0);
  assert.deepEqual(project.takeCalls(), []);
  assert.equal((await project.run("down", [...goodFlags, "--release-ip"])).code, 0);
  assert.deepEqual(verbs(project.takeCalls()), ["addresses delete"]);
});

for (let step = 1; step <= 5; step++) {
  test(`down that is killed after step ${step} is finished by the next`, async (_context) => {
    const project = await built();
    project.fault = { at: step, kind: "kill" };
    assert.notEqual(await project.runApart("down"), 0);
    project.fault = undefined;
    assert.equal((await project.run("down")).code, 0);
    const { cloud } = project;
    assert.deepEqual([cloud.instances.length, cloud.firewallRules.length, cloud.routes.length], [0, 0, 1]);
    assert.equal(cloud.addresses.length, 1);
  });
}

test("down works when the cluster is gone, and tells a failure with what to do", async (_context) => {
  const project = await built();
  project.change((cloud) => {
    cloud.clusters = [];
  });
  project.fault = { at: "firewall-rules delete", kind: "permission" };
  const failed = await project.run("down");
  assert.equal(failed.code, 1);
  assert.match(failed.errors, /lacks a role[\s\S]*removed by `down` again/);
  project.fault = undefined;
  assert.equal((await project.run("down")).code, 0);
});

test("an address of one's own is used and never touched", async () => {
  const project = new FakeProject();
  const flags = [...goodFlags, "--address=office-ip"];
  assert.match((await project.run("up", flags)).errors, /no static address office-ip in europe-west1/);
  project.change((cloud) =>
    cloud.addresses.push({ name: "office-ip", region: "regions/europe-west1", address: "203.0.113.77" }),
  );
  assert.equal((await project.run("up", flags)).code, 0);
  assert.equal(project.cloud.instances[0]!.networkInterfaces[0].accessConfigs[0].natIP, "203.0.113.77");
  assert.equal((await project.run("down", [...flags, "--release-ip"])).code, 0);
  assert.equal(project.cloud.addresses.length, 1);
});

test("the script of a plan is sound shell, and builds what up builds", async (_context) => {
  const [byHand, byUp] = [new FakeProject(), await built()];
  const { code, output } = await byHand.run("plan", [...goodFlags, "--script"]);
  assert.equal(code, 2);
  const environment = {
    PATH: `${byHand.folder}/bin:${process.env.PATH}`,
    FAKE_GCLOUD_FOLDER: byHand.folder,
  };
  // The real gcloud reads the project from the environment; the fake only from its flag.
  byHand.program("sleep", "exit 0");
  const withProject = output.replaceAll(/^(\s*(?:if )?)gcloud /gm, "$1gcloud --project=demo-project ");
  const run = spawnSync("bash", ["-c", withProject], { encoding: "utf8", env: environment });
  assert.equal(run.status, 0, run.stderr);
  assert.deepEqual(byHand.cloud, byUp.cloud);
  if (spawnSync("shellcheck", ["--version"]).status === 0) {
    const checked = spawnSync("shellcheck", ["-"], { input: output, encoding: "utf8" });
    assert.equal(checked.status, 0, checked.stdout);
  }
});

test("with --json programs get the whole answer on standard output", async () => {
  const project = new FakeProject();
  const plan = JSON.parse((await project.run("plan", [...goodFlags, "--json"])).output);
  assert.equal(plan.changes, true);
  assert.equal(plan.address, null);
  assert.deepEqual(
    plan.steps.map((step: { action: string; kind: string }) => `${step.action} ${step.kind}`),
    [
      "create address",
      "create instance",
      "create firewall rule",
      "create firewall rule",
      "wait instance",
      "create route",
    ],
  );
  const up = JSON.parse((await project.run("up", [...goodFlags, "--json"])).output);
  assert.deepEqual(up, { changed: true, address: "203.0.113.10" });
  const status = JSON.parse((await project.run("status", [...goodFlags, "--json"])).output);
  assert.deepEqual([status.healthy, status.drift.length], [true, 0]);
});

test("status tells the cloud's own warnings about the route", async (_context) => {
  const project = await built();
  project.change((cloud) => {
    cloud.routes[1]!.warnings = [{ code: "NEXT_HOP_NOT_RUNNING", message: "the VM is stopped" }];
  });
  const { code, output } = await project.run("status");
  assert.equal(code, 1);
  assert.match(output, /NEXT_HOP_NOT_RUNNING/);
});
