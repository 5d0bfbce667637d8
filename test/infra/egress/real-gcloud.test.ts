/** The real gcloud carries out a plan against a fake API: the flags exist, and mean what we think they do. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { nodeTag } from "./fake-project.ts";
import { project, projectOnApi, runner, startupScript, withoutGcloud } from "./real-gcloud.ts";

test("up, plan, down with the real gcloud", { skip: withoutGcloud }, async (context) => {
  const api = await projectOnApi();
  context.after(() => api.stop());
  const run = runner(api);

  const up = await run("up");
  assert.equal(up.code, 0, up.output);
  const [address, instance, deny, allow, route] = api.mutations.map(({ body }) => body);
  assert.deepEqual(
    api.mutations.map(({ method, path }) => `${method} ${path.slice(project.length + 1)}`),
    [
      "POST regions/europe-west1/addresses",
      "POST zones/europe-west1-b/instances",
      "POST global/firewalls",
      "POST global/firewalls",
      "POST global/routes",
    ],
  );
  assert.equal(address?.networkTier, "PREMIUM");
  assert.equal(instance?.canIpForward, true);
  assert.equal(instance?.deletionProtection, true);
  assert.equal(instance?.networkInterfaces[0].accessConfigs[0].natIP, "203.0.113.10");
  assert.deepEqual(instance?.serviceAccounts ?? [], []);
  assert.deepEqual(instance?.tags.items, ["suiro-egress"]);
  assert.deepEqual(instance?.shieldedInstanceConfig, {
    enableIntegrityMonitoring: true,
    enableSecureBoot: true,
    enableVtpm: true,
  });
  const metadata = Object.fromEntries(
    instance?.metadata.items.map((item: { key: string; value: string }) => [item.key, item.value]),
  );
  assert.equal(metadata["startup-script"], readFileSync(startupScript, "utf8"));
  assert.equal(metadata["source-cidrs"], "10.132.0.0/20 10.8.0.0/14");
  assert.deepEqual([deny?.priority, deny?.denied, deny?.sourceRanges], [950, [{ IPProtocol: "all" }], ["0.0.0.0/0"]]);
  assert.deepEqual(
    [allow?.priority, allow?.allowed, allow?.sourceTags, allow?.sourceRanges, allow?.destinationRanges],
    [900, [{ IPProtocol: "tcp", ports: ["24224"] }], [nodeTag], ["10.8.0.0/14"], ["198.51.100.0/24"]],
  );
  assert.deepEqual([route?.destRange, route?.tags, route?.priority], ["198.51.100.0/24", [nodeTag], 900]);
  assert.match(route?.nextHopInstance, /zones\/europe-west1-b\/instances\/suiro-egress$/);

  api.mutations.length = 0;
  const again = await run("plan");
  assert.equal(again.code, 0, again.output);
  const down = await run("down");
  assert.equal(down.code, 0, down.output);
  assert.deepEqual(
    api.mutations.map(
      ({ method, path }) => `${method} ${path.slice(project.length + 1).replace(/routes\/.*/, "routes")}`,
    ),
    [
      "DELETE global/routes",
      "DELETE global/firewalls/suiro-egress-deny",
      "DELETE global/firewalls/suiro-egress-allow",
      "POST zones/europe-west1-b/instances/suiro-egress/setDeletionProtection",
      "DELETE zones/europe-west1-b/instances/suiro-egress",
    ],
  );
});
