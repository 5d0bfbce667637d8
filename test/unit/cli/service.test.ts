import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type LoadedConfiguration, type RunnableAgent, Service } from "../../../src/cli/service.ts";
import { silentLogger } from "../../../src/logger.ts";

interface NamedAgent extends RunnableAgent {
  readonly name: string;
}

/** Notes what is called, in order; `refuses` makes every start fail. */
function configuration(name: string, calls: string[], refuses = false): LoadedConfiguration<NamedAgent> {
  const note = (what: string) => async () => void calls.push(`${name} ${what}`);
  return {
    logger: silentLogger,
    shutdownTimeoutMs: 1000,
    dump: `<ROOT> of ${name}`,
    agent: {
      name,
      start: async () => {
        calls.push(`${name} start`);
        if (refuses) throw new Error("port is taken");
      },
      takeOver: async (old) => {
        calls.push(`${name} takes over from ${old.name}`);
        if (refuses) throw new Error("port is taken");
      },
      stop: note("stop"),
      flush: note("flush"),
      plugins: [],
    },
    again: () => configuration(`${name} again`, calls, refuses),
  };
}

async function started(load: (calls: string[]) => Promise<LoadedConfiguration<NamedAgent>>) {
  const calls: string[] = [];
  const service = new Service(configuration("old", calls), () => load(calls));
  await service.start();
  return { calls, service };
}

test("the new agent takes over only after its configuration was found good", async () => {
  const { calls, service } = await started(async (calls) => {
    calls.push("load");
    return configuration("new", calls);
  });
  await service.reload();
  assert.deepEqual(calls, ["old start", "load", "new takes over from old"]);
});

test("a configuration with errors is refused and the old agent runs on", async () => {
  const { calls, service } = await started(() => Promise.reject(new Error("3 errors")));
  await service.reload();
  await service.flush();
  assert.deepEqual(calls, ["old start", "old flush"]);
});

test("a configuration that cannot start makes way for the old one", async () => {
  const { calls, service } = await started(async (calls) => configuration("new", calls, true));
  await service.reload();
  await service.stop();
  assert.deepEqual(calls, ["old start", "new takes over from old", "old again takes over from new", "old again stop"]);
});

test("a reload after which no agent runs rejects", async () => {
  const calls: string[] = [];
  const old = { ...configuration("old", calls), again: () => configuration("old again", calls, true) };
  const service = new Service(old, async () => configuration("new", calls, true));
  await service.start();
  await assert.rejects(service.reload(), /port is taken/);
});

test("a start that fails is undone", async () => {
  const calls: string[] = [];
  const service = new Service(configuration("only", calls, true), () => Promise.reject(new Error("unused")));
  await assert.rejects(service.start(), /port is taken/);
  assert.deepEqual(calls, ["only start", "only stop"]);
});

test("a stop does not wait for a flush whose receiver is silent", async () => {
  const calls: string[] = [];
  const old = configuration("old", calls);
  let endFlush = () => {};
  const flushed = new Promise<void>((resolve) => {
    endFlush = resolve;
  });
  const agent = { ...old.agent, flush: () => flushed };
  const service = new Service({ ...old, agent }, () => Promise.reject(new Error("unused")));
  await service.start();
  const flush = service.flush();
  await service.stop();
  assert.deepEqual(calls, ["old start", "old stop"]);
  endFlush();
  await flush;
});

test("the dump is that of the configuration that runs", async () => {
  const { service } = await started(async (calls) => configuration("new", calls));
  assert.equal(service.dump, "<ROOT> of old");
  await service.reload();
  assert.equal(service.dump, "<ROOT> of new");
});

test("signals that come fast are worked off one after the other, and nothing is begun after a stop", async () => {
  const { calls, service } = await started(async (calls) => configuration("new", calls));
  await Promise.all([service.flush(), service.stop(), service.reload(), service.flush()]);
  assert.deepEqual(calls, ["old start", "old stop"]);
});

test("a stop ends the wait of a reload for what it is to stop", async () => {
  const { calls, service } = await started(async (calls) => {
    const next = configuration("new", calls);
    const takeOver: NamedAgent["takeOver"] = (old, timeoutMs, hurry) =>
      new Promise((resolve) => {
        calls.push(`new waits for ${old.name}`);
        hurry.addEventListener("abort", () => resolve(next.agent.takeOver(old, timeoutMs, hurry)));
      });
    return { ...next, agent: { ...next.agent, takeOver } };
  });
  const reload = service.reload();
  while (!calls.includes("new waits for old")) await setImmediate();
  await service.stop();
  await reload;
  assert.deepEqual(calls, ["old start", "new waits for old", "new takes over from old", "new stop"]);
});
