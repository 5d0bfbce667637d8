/** The start-up script under test, and a lab whose receivers run. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { NetworkLab } from "./network-lab.ts";

const path = join(dirname(fileURLToPath(import.meta.url)), "../../../..", "infra/egress/startup.sh");

export const startupScript = readFileSync(path, "utf8");

/** A bare lab; it ends with the test. */
export async function startedLab(context: TestContext): Promise<NetworkLab> {
  const lab = await NetworkLab.start();
  context.after(() => lab.stop());
  return lab;
}

/** A lab with receivers on-prem and elsewhere. */
export async function labOf(context: TestContext): Promise<NetworkLab> {
  const lab = await startedLab(context);
  await Promise.all([lab.serve("onprem", 24224), lab.serve("onprem", 9999), lab.serve("other", 24224)]);
  return lab;
}
