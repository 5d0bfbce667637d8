import { setTimeout as wait } from "node:timers/promises";

/** Waits until `holds`; asked again and again, for what gives no event of its own. The test's own timeout bounds it. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(10);
}
