/** `advise`, `--ha mig`, `failover` and `verify` on a fake project. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeProject, goodFlags } from "./fake-project.ts";

const verbs = (calls: readonly string[]) =>
  calls.map((call) =>
    call
      .split(" ")
      .filter((word) => !word.startsWith("--"))
      .slice(1, 4)
      .join(" "),
  );

async function built(flags: readonly string[]): Promise<FakeProject> {
  const project = new FakeProject();
  const { code, output, errors } = await project.run("up", flags);
  assert.equal(code, 0, output + errors);
  return project;
}

test("advise: private pools use Cloud NAT; up stops there unless told otherwise", async () => {
  const project = new FakeProject();
  project.change((cloud) => (cloud.clusters[0]!.nodePools[0].networkConfig.enablePrivateNodes = true));
  const { code, output } = await project.run("advise");
  assert.equal(code, 0);
  assert.match(
    output,
    /routers nats create suiro-egress-nat .*--nat-external-ip-pool=suiro-egress-ip --nat-custom-subnet-ip-ranges=default:ALL/,
  );
  const stopped = await project.run("up");
  assert.equal(stopped.code, 1);
  assert.match(stopped.errors, /Nothing was changed/);
  assert.deepEqual(project.takeCalls(), []);
  assert.equal((await project.run("up", [...goodFlags, "--force"])).code, 0);
});

test("advise: a new pool takes the cluster's default when it says nothing itself", async () => {
  const project = new FakeProject();
  project.change((cloud) => {
    cloud.clusters[0]!.networkConfig = { network: "default", subnetwork: "default", defaultEnablePrivateNodes: true };
    cloud.clusters[0]!.nodePools[0].networkConfig.enablePrivateNodes = undefined;
  });
  assert.match((await project.run("advise")).output, /Every node pool is private/);
});

test("advise: public pools can be converted, each with its command; up goes on", async () => {
  const project = new FakeProject();
  const advice = JSON.parse((await project.run("advise", [...goodFlags, "--json"])).output);
  assert.equal(advice.managedWay, "convertible");
  assert.ok(
    advice.commands.includes(
      "gcloud container node-pools update main --cluster=shop --enable-private-nodes --location=europe-west1 --project=demo-project",
    ),
  );
  project.change((cloud) => {
    cloud.clusters[0]!.nodePools.push({ name: "new", networkConfig: { enablePrivateNodes: true } });
  });
  assert.equal(JSON.parse((await project.run("advise", [...goodFlags, "--json"])).output).managedWay, "mixed");
  project.change((cloud) => {
    cloud.clusters[0]!.ipAllocationPolicy = {};
  });
  assert.match((await project.run("advise")).output, /not VPC-native cannot have private nodes/);
  project.change((cloud) => {
    cloud.clusters[0]!.ipAllocationPolicy = { useIpAliases: true };
    cloud.clusters[0]!.autopilot = { enabled: true };
  });
  assert.match(
    (await project.run("advise")).output,
    /clusters update shop --enable-private-nodes --location=europe-west1/,
  );
});

const mig = [...goodFlags, "--ha=mig"];

test("--ha mig builds a group of one with a stateful name and addresses; again changes nothing", async (_context) => {
  const project = await built(mig);
  const calls = project.takeCalls();
  assert.deepEqual(verbs(calls), [
    "addresses create suiro-egress-ip",
    "addresses create suiro-egress-internal-ip",
    "health-checks create http",
    calls
      .map((call) => /instance-templates create (\S+)/.exec(call)?.[1])
      .filter(Boolean)
      .map((name) => `instance-templates create ${name}`)[0],
    "instance-groups managed create",
    "instance-groups managed create-instance",
    "firewall-rules create suiro-egress-deny",
    "firewall-rules create suiro-egress-allow",
    "firewall-rules create suiro-egress-health",
    verbs(calls).at(-1),
  ]);
  assert.match(
    calls[5]!,
    /--instance=suiro-egress --stateful-external-ip=address=projects\/demo-project\/regions\/europe-west1\/addresses\/suiro-egress-ip,interface-name=nic0,auto-delete=never/,
  );
  assert.match(calls[8]!, /--source-ranges=35\.191\.0\.0\/16,130\.211\.0\.0\/22/);
  const plan = await project.run("plan", mig);
  assert.equal(plan.code, 0, plan.output);
  assert.equal((await project.run("up", mig)).code, 0);
  assert.deepEqual(project.takeCalls(), []);
});

test("--ha mig: another setting makes a new template, replaces the member, and removes the old template last", async (_context) => {
  const project = await built(mig);
  project.takeCalls();
  const { code, output, errors } = await project.run("up", [...mig, "--machine-type=e2-medium"]);
  assert.equal(code, 0, output + errors);
  const changed = verbs(project.takeCalls()).map((verb) => verb.replace(/ suiro-egress-\w+$/, ""));
  assert.deepEqual(changed, [
    "instance-templates create",
    "instance-groups managed set-instance-template",
    "instance-groups managed update-instances",
    "instance-templates delete",
  ]);
  const again = await project.run("plan", [...mig, "--machine-type=e2-medium"]);
  assert.equal(again.code, 0, again.output);
});

for (let step = 1; step <= 10; step++) {
  test(`--ha mig: up that fails at step ${step} undoes its own run; a later one succeeds`, async () => {
    const project = new FakeProject();
    project.fault = { at: step, kind: "error" };
    assert.equal((await project.run("up", mig)).code, 1);
    const { cloud } = project;
    assert.deepEqual([cloud.instances, cloud.firewallRules, cloud.healthChecks], [[], [], []]);
    assert.deepEqual([cloud.groups.length, cloud.templates.length, cloud.routes.length], [1, 1, 1]);
    project.fault = undefined;
    const { code, errors } = await project.run("up", mig);
    assert.equal(code, 0, errors);
    assert.equal((await project.run("down", mig)).code, 0);
    assert.deepEqual([project.cloud.instances.length, project.cloud.groups.length], [0, 1]);
  });
}

test("from a single VM to a group and back", async (_context) => {
  const project = await built(goodFlags);
  assert.equal((await project.run("up", mig)).code, 0);
  assert.equal((await project.run("plan", mig)).code, 0);
  assert.equal((await project.run("up")).code, 0);
  const plan = await project.run("plan");
  assert.equal(plan.code, 0, plan.output);
  assert.deepEqual([project.cloud.groups.length, project.cloud.templates.length], [1, 1]);
});

const standby = [...goodFlags, "--standby-zone=europe-west1-c"];

test("failover builds the VM in the other zone, moves the address and the route, and comes back", async (_context) => {
  const project = await built(standby);
  project.takeCalls();
  const { code, output, errors } = await project.run("failover", standby);
  assert.equal(code, 0, output + errors);
  assert.deepEqual(
    verbs(project.takeCalls()).map((verb) => verb.replace(/(routes \w+) .*/, "$1")),
    [
      "instances create suiro-egress-standby",
      "instances delete-access-config suiro-egress",
      "instances add-access-config suiro-egress-standby",
      "routes create",
      "routes delete",
    ],
  );
  const { cloud } = project;
  assert.match(cloud.routes[1]!.nextHopInstance, /europe-west1-c\/instances\/suiro-egress-standby$/);
  assert.equal(cloud.instances[1]!.networkInterfaces[0].accessConfigs[0].natIP, "203.0.113.10");
  assert.equal((await project.run("status", standby)).code, 2);
  assert.equal((await project.run("up", standby)).code, 0);
  assert.deepEqual(verbs(project.takeCalls()), ["instances update suiro-egress", "instances delete suiro-egress"]);
  assert.equal((await project.run("plan", standby)).code, 0);
  assert.equal((await project.run("failover", standby)).code, 0);
  assert.match(project.cloud.routes[1]!.nextHopInstance, /europe-west1-b\/instances\/suiro-egress$/);
});

for (let step = 1; step <= 5; step++) {
  test(`failover that is killed after step ${step} is finished by a second one`, async (_context) => {
    const project = await built(standby);
    project.takeCalls();
    project.fault = { at: step, kind: "kill" };
    assert.notEqual(await project.runApart("failover", standby), 0);
    project.fault = undefined;
    const moved = () =>
      project.cloud.instances.find((one) => one.name === "suiro-egress-standby")?.networkInterfaces[0].accessConfigs
        .length;
    const command = moved() ? "up" : "failover";
    const { code, output, errors } = await project.run(command, standby);
    assert.equal(code, 0, output + errors);
    assert.equal((await project.run("up", standby)).code, 0);
    const { cloud } = project;
    assert.equal(cloud.routes.length, 2);
    assert.match(cloud.routes[1]!.nextHopInstance, /suiro-egress-standby$/);
    assert.deepEqual(
      cloud.instances.map((one) => one.name),
      ["suiro-egress-standby"],
    );
  });
}

test("failover without a standby zone, with a group, or before up says what is missing", async () => {
  const project = new FakeProject();
  assert.match((await project.run("failover")).errors, /needs --standby-zone/);
  assert.match((await project.run("failover", mig)).errors, /the group heals its VM by itself/);
  assert.match((await project.run("failover", standby)).errors, /no fixed address yet/);
});

const verifying = [...goodFlags, "--iap-ssh", "--receiver=198.51.100.10:24224"];

test("verify: a Job connects, the VM counts it, and so on-prem saw the fixed address", async (_context) => {
  const project = await built(verifying);
  project.program(
    "kubectl",
    `echo "$@" >> '${project.folder}/kubectl.log'; case "$1" in apply) cat > '${project.folder}/job.json' ;; esac`,
  );
  const { code, output } = await project.run("verify", verifying);
  assert.equal(code, 0, output);
  for (const claim of [
    "holds: the VM bears the fixed address",
    "holds: the route to 198.51.100.0/24 is active",
    "holds: the VM translates",
    "holds: a pod reaches the receiver",
    "holds: on-prem saw 203.0.113.10 (1 new connections",
  ]) {
    assert.ok(output.includes(claim), output);
  }
});

test("verify: a Job that cannot connect, a route that leads nowhere and a wrong address all fail", async (_context) => {
  const project = await built(verifying);
  project.program("kubectl", 'test "$1" != wait');
  project.change((cloud) => {
    cloud.routes[1]!.routeStatus = "DROPPED";
    cloud.instances[0]!.networkInterfaces[0].accessConfigs = [];
  });
  const { code, output } = await project.run("verify", verifying);
  assert.equal(code, 1);
  assert.match(output, /fails: a pod reaches the receiver/);
  assert.match(output, /fails: the route to 198\.51\.100\.0\/24/);
  assert.match(output, /fails: the VM bears the fixed address/);
  assert.doesNotMatch(output, /holds: on-prem saw/);
});

test("verify: a Job that connects past the VM proves nothing, and fails", async (_context) => {
  const project = await built(verifying);
  project.program("kubectl", "exit 0");
  project.change((cloud) => {
    cloud.newFlows = 0;
  });
  const { code, output } = await project.run("verify", verifying);
  assert.equal(code, 1);
  assert.match(output, /fails: on-prem saw 203\.0\.113\.10 \(0 new connections/);
});

test("verify: what cannot be checked is said, and is not counted as held", async (_context) => {
  const project = await built(goodFlags);
  const { code, output } = await project.run("verify");
  assert.equal(code, 0, output);
  assert.match(output, /not checked: the VM translates \(needs --iap-ssh/);
  assert.match(output, /not checked: a pod reaches the receiver \(needs --receiver/);
});
