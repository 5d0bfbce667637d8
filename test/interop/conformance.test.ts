/**
 * Conformance by difference: the same configuration and the same input through the real fluentd and through Suiro. Tags,
 * times to the nanosecond, records with the types of their values, order within a tag, answers, and the pos_file left
 * behind must be the same, unless the case names the difference as an improvement: then it must be there.
 *
 * `npm run conformance` runs only this; `SUIRO_CASES=tail,cri` only the cases with such names. With
 * SUIRO_CONFORMANCE_LOG=FOLDER the configurations, logs and outcomes stay there.
 */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { withoutFluentd } from "../support/fluentd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type ConformanceCase, readCases } from "./conformance/conformance-case.ts";
import { groupFolder, type Outcome, runProduct } from "./conformance/product-run.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "test", "interop", "cases");
const wanted = (process.env.SUIRO_CASES ?? "").split(",").filter((name) => name !== "");

test("Suiro does with the same configuration and input what fluentd does", {
  skip: withoutFluentd,
  timeout: 600_000,
}, async (context) => {
  const folder = process.env.SUIRO_CONFORMANCE_LOG ?? temporaryFolder();
  const groups = groupsOf(readCases(root, wanted));
  assert.ok(groups.length > 0, "no such case");
  for (const [index, cases] of groups.entries()) {
    const place = groupFolder(folder, index);
    const [expected, actual] = await Promise.all([
      runProduct("fluentd", cases, place),
      runProduct("suiro", cases, place),
    ]);
    for (const subject of cases) {
      await context.test(subject.name, () => {
        compare(subject, expected.get(subject.name) as Outcome, actual.get(subject.name) as Outcome);
      });
    }
  }
});

function compare({ improvement, improved }: ConformanceCase, expected: Outcome, actual: Outcome): void {
  if (improvement === undefined) {
    assert.equal(expected.failure, undefined, "fluentd itself does not come to the case's end");
    assert.deepEqual(actual, expected);
  } else {
    assert.notDeepEqual(actual, expected, `the difference is gone: ${improvement}`);
    assert.deepEqual(JSON.parse(JSON.stringify(actual)), improved);
  }
}

/** Cases that may share a process: the same environment, and none that stands alone. */
function groupsOf(cases: readonly ConformanceCase[]): ConformanceCase[][] {
  const groups = new Map<string, ConformanceCase[]>();
  for (const subject of cases) {
    const key = subject.isAlone ? subject.name : JSON.stringify(subject.environment);
    groups.set(key, [...(groups.get(key) ?? []), subject]);
  }
  return [...groups.values()];
}
