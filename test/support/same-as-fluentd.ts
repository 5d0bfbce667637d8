import assert from "node:assert/strict";
import { askPlugins, type PluginCase } from "./fluentd-plugins.ts";
import { runPlugin } from "./run-plugin.ts";

/** Runs every case through the real plugin and ours; fails with all that differ. What both refuse is equal. */
export async function assertSameAsFluentd(cases: readonly PluginCase[]): Promise<void> {
  const answers = askPlugins(cases);
  const different: unknown[] = [];
  for (const [index, given] of cases.entries()) {
    let result: unknown;
    try {
      result = await runPlugin(given);
    } catch (error) {
      if (answers[index]?.events[0]?.startsWith("refused: ")) continue;
      result = { refused: (error as Error).message };
    }
    try {
      assert.deepEqual(result, answers[index]);
    } catch {
      different.push({ config: given.config, suiro: result, fluentd: answers[index] });
    }
  }
  assert.equal(different.length, 0, JSON.stringify(different, undefined, 1));
}
