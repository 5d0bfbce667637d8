/** Coverage-guided fuzzing of one target: an input that makes code run which no input did before is kept and changed further. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Coverage } from "./coverage.ts";
import { Mutator, randomNumbers } from "./mutator.ts";
import type { FuzzTarget } from "./target.ts";

/** Inputs that run between two looks at the coverage, which costs milliseconds. */
const BATCH = 400;
const MOST_BYTES = 4096;
/** One input that takes longer than this is a fault: nothing of such a size may. */
const SLOW_MS = 2000;

export class FuzzFailure extends Error {
  readonly input: Buffer;

  constructor(target: string, input: Buffer, cause: unknown) {
    const shown = input.length > 300 ? `${input.subarray(0, 300).toString("hex")}…` : input.toString("hex");
    super(`${target}: ${cause instanceof Error ? cause.stack : cause}\ninput: ${shown}`, { cause });
    this.input = input;
  }
}

/** The kept inputs of a target. */
export function readCorpus(folder: string, target: FuzzTarget): Buffer[] {
  try {
    return readdirSync(join(folder, target.name))
      .sort()
      .map((name) => readFileSync(join(folder, target.name, name)));
  } catch {
    return [];
  }
}

/** Runs one input. Throws FuzzFailure. */
async function runInput(target: FuzzTarget, input: Buffer): Promise<void> {
  try {
    const work = target.run(Buffer.from(input));
    if (work) await work;
  } catch (error) {
    throw new FuzzFailure(target.name, input, error);
  }
}

/** The same, and throws where it takes long: not for tests, which may run on a busy machine. */
async function runInTime(target: FuzzTarget, input: Buffer): Promise<void> {
  const started = performance.now();
  await runInput(target, input);
  const elapsed = performance.now() - started;
  if (elapsed > SLOW_MS) throw new FuzzFailure(target.name, input, new Error(`it took ${Math.round(elapsed)} ms`));
}

/** Runs `count` inputs that `seed` decides, without looking at coverage: quick, and the same every time. */
export async function fuzzBlindly(target: FuzzTarget, corpus: readonly Buffer[], count: number, seed: number) {
  const { words = [], mostBytes = MOST_BYTES, seeds } = target;
  const mutator = new Mutator(randomNumbers(seed), words, mostBytes);
  const inputs = [...seeds, ...corpus];
  for (const input of inputs) await runInput(target, input);
  for (let run = 0; run < count; run++) await runInput(target, mutator.mutate(inputs));
}

export interface FuzzReport {
  readonly runs: number;
  readonly blocks: number;
  readonly kept: number;
}

/** Fuzzes for so long; inputs that found something new go into `folder`. Throws FuzzFailure. */
export async function fuzz(target: FuzzTarget, folder: string, seconds: number, seed: number): Promise<FuzzReport> {
  const { words = [], mostBytes = MOST_BYTES } = target;
  const mutator = new Mutator(randomNumbers(seed), words, mostBytes);
  const inputs = [...target.seeds, ...readCorpus(folder, target)];
  for (const input of inputs) await runInTime(target, input);
  const coverage = new Coverage();
  for (const input of inputs) await runInTime(target, input);
  coverage.takeNew(true);
  const end = performance.now() + seconds * 1000;
  let runs = 0;
  let kept = 0;
  try {
    while (performance.now() < end) {
      const batch = Array.from({ length: BATCH }, () => mutator.mutate(inputs));
      runs += batch.length;
      for (const input of await findNew(target, batch, coverage)) {
        inputs.push(input);
        keep(folder, target, input);
        kept += 1;
      }
    }
    return { runs, blocks: coverage.size, kept };
  } finally {
    coverage.stop();
  }
}

/** Those of `batch` that make new code run, by halves: a look at the coverage costs more than a hundred inputs. */
async function findNew(target: FuzzTarget, batch: readonly Buffer[], coverage: Coverage): Promise<Buffer[]> {
  for (const input of batch) await runInTime(target, input);
  if (coverage.takeNew(batch.length === 1).length === 0) return [];
  if (batch.length === 1) return [...batch];
  const middle = batch.length >> 1;
  const first = await findNew(target, batch.slice(0, middle), coverage);
  return [...first, ...(await findNew(target, batch.slice(middle), coverage))];
}

function keep(folder: string, target: FuzzTarget, input: Buffer): void {
  mkdirSync(join(folder, target.name), { recursive: true });
  writeFileSync(join(folder, target.name, createHash("sha256").update(input).digest("hex").slice(0, 16)), input);
}
