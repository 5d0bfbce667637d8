/** The real gcloud builds the group that heals itself, against a fake API. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { goodFlags } from "./fake-project.ts";
import { projectOnApi, runner, withoutGcloud } from "./real-gcloud.ts";

test("a healing group of one with the real gcloud", { skip: withoutGcloud }, async (context) => {
  const api = await projectOnApi();
  context.after(() => api.stop());
  const { code, output } = await runner(api)("up", [...goodFlags, "--ha=mig"]);
  assert.equal(code, 0, output);
  const posted = (end: string) => api.mutations.find(({ path }) => path.endsWith(end))?.body;
  const template = posted("regions/europe-west1/instanceTemplates");
  assert.equal(template?.properties.canIpForward, true);
  assert.deepEqual(template?.properties.serviceAccounts ?? [], []);
  const group = posted("instanceGroupManagers");
  assert.deepEqual([group?.targetSize, group?.baseInstanceName], [0, "suiro-egress"]);
  assert.match(group?.instanceTemplate, /regions\/europe-west1\/instanceTemplates\/suiro-egress-[0-9a-f]{12}$/);
  assert.match(group?.autoHealingPolicies[0].healthCheck, /healthChecks\/suiro-egress-health$/);
  const [member] = posted("createInstances")?.instances ?? [];
  assert.equal(member?.name, "suiro-egress");
  const { externalIPs, internalIPs } = member?.preservedState ?? {};
  assert.match(externalIPs?.nic0.ipAddress.address, /addresses\/suiro-egress-ip$/);
  assert.match(internalIPs?.nic0.ipAddress.address, /addresses\/suiro-egress-internal-ip$/);
  assert.deepEqual([externalIPs?.nic0.autoDelete, internalIPs?.nic0.autoDelete], ["NEVER", "NEVER"]);
});
