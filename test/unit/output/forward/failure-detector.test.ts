import assert from "node:assert/strict";
import { test } from "node:test";
import { FailureDetector } from "../../../../src/output/forward/failure-detector.ts";

/** The first whole second of silence at which φ passes 16. */
function detachedAfter(detector: FailureDetector, last: number): number {
  let silence = 0;
  while (detector.phi(last + silence) <= 16) silence += 1;
  return silence;
}

test("with a beat a second a silent node is given up after 37 seconds", () => {
  const detector = new FailureDetector(1, 60, 100);
  assert.equal(detachedAfter(detector, 100), 37);
  for (let now = 101; now <= 200; now++) detector.add(now);
  assert.equal(detachedAfter(detector, 200), 37);
  assert.ok(Math.abs(detector.phi(200 + 37.77) - 16.4) < 0.01);
});

test("a node that beats slowly is given more time", () => {
  const detector = new FailureDetector(1, 60, 0);
  for (let now = 3; now <= 300; now += 3) detector.add(now);
  assert.ok(detachedAfter(detector, 300) > 100);
});

test("the hard timeout counts from the last beat alone", () => {
  const detector = new FailureDetector(1, 60, 0);
  assert.equal(detector.isHardTimeout(60), false);
  assert.equal(detector.isHardTimeout(60.1), true);
  detector.add(60);
  assert.equal(detector.isHardTimeout(120), false);
});

test("after clear nothing is known: φ is 0, the window empty, and the first gap is one interval", () => {
  const detector = new FailureDetector(1, 60, 0);
  detector.clear();
  assert.deepEqual([detector.phi(50), detector.sampleSize, detector.isHardTimeout(50)], [0, 0, true]);
  detector.add(1000);
  assert.equal(detector.sampleSize, 1);
  assert.equal(detachedAfter(detector, 1000), 37);
});

test("the window never has more than a thousand gaps", () => {
  const detector = new FailureDetector(1, 60, 0);
  for (let now = 1; now <= 1500; now++) detector.add(now);
  assert.equal(detector.sampleSize, 1000);
});
