import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, silentLogger } from "../../../../src/logger.ts";
import { LoadBalancer } from "../../../../src/output/forward/load-balancer.ts";

interface Node {
  host: string;
  port: number;
  weight: number;
  standby: boolean;
  isAvailable: boolean;
}

const node = (host: string, values: Partial<Node> = {}): Node => ({
  host,
  port: 24224,
  weight: 60,
  standby: false,
  isAvailable: true,
  ...values,
});

/** How often each node comes first in so many choices. */
function firstChoices(balancer: LoadBalancer<Node>, choices: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let done = 0; done < choices; done++) {
    for (const { host } of balancer.candidates()) {
      counts[host] = (counts[host] ?? 0) + 1;
      break;
    }
  }
  return counts;
}

function balance(nodes: Node[], seed?: number) {
  const balancer = new LoadBalancer<Node>(silentLogger, seed);
  balancer.rebalance(nodes);
  return balancer;
}

test("chunks are shared exactly by weight", () => {
  const balancer = balance([node("a", { weight: 60 }), node("b", { weight: 20 }), node("c", { weight: 40 })]);
  assert.deepEqual(firstChoices(balancer, 1800), { a: 900, b: 300, c: 600 });
});

test("equal nodes are not visited in turn but in an order shuffled by the seed", () => {
  const order = (seed: number) => {
    const balancer = balance([node("a"), node("b"), node("c")], seed);
    return Array.from({ length: 18 }, () => Object.keys(firstChoices(balancer, 1))[0]).join("");
  };
  assert.equal(order(1), order(1));
  assert.notEqual(order(1), order(2));
});

test("a chunk gets every available node once to try, and none that is down or weighs nothing", () => {
  const nodes = [node("a"), node("b", { isAvailable: false }), node("c"), node("d", { weight: 0 })];
  const tried = [...balance(nodes).candidates()].map(({ host }) => host);
  assert.deepEqual(tried.sort(), ["a", "c"]);
});

test("standby nodes step in for lost weight only, in the order of the configuration", () => {
  const lines: unknown[] = [];
  const tap = (_: unknown, message: string, fields: object) => void lines.push([message, fields]);
  const logger = createLogger({ level: "warn", format: "json", write: () => {}, tap });
  const [a, b] = [node("a"), node("b")];
  const standbys = [node("s", { standby: true }), node("t", { standby: true })];
  const balancer = new LoadBalancer<Node>(logger);
  const used = () => [...balancer.candidates()].map(({ host }) => host).sort();

  balancer.rebalance([a, b, ...standbys]);
  assert.deepEqual(used(), ["a", "b"]);
  a.isAvailable = false;
  balancer.rebalance([a, b, ...standbys]);
  assert.deepEqual(used(), ["b", "s"]);
  assert.deepEqual(lines, [["using standby node s:24224", { weight: 60 }]]);
  b.isAvailable = false;
  balancer.rebalance([a, b, ...standbys]);
  assert.deepEqual(used(), ["s", "t"]);
  a.isAvailable = b.isAvailable = true;
  balancer.rebalance([a, b, ...standbys]);
  assert.deepEqual(used(), ["a", "b"]);
});

test("with weight nowhere there is nothing to try", () => {
  assert.deepEqual([...balance([node("a", { weight: 0 })]).candidates()], []);
  assert.deepEqual([...balance([]).candidates()], []);
});
