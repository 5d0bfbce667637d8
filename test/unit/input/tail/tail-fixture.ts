/** A tail input over a temporary folder, with time that the test moves. */

import { appendFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Holder } from "../../../../src/buffer/holdings.ts";
import { readSectionOrThrow } from "../../../../src/config/parameters.ts";
import { tailInput } from "../../../../src/input/tail.ts";
import type { Input } from "../../../../src/plugin.ts";
import { parsedElement } from "../../../support/parsed-config.ts";
import { type TestContext as PluginTestContext, pluginContext } from "../../../support/plugin-context.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

export const PARSE_NONE = "<parse>\n@type none\n</parse>";

export class TailFixture {
  readonly folder: string;
  readonly #test: TestContext;
  #input: Input | undefined;
  plugin!: PluginTestContext;
  /** What the next input is told that buffers hold. */
  readonly holders: Holder[] = [];
  /** Messages of all runs, in order. */
  readonly #earlier: string[] = [];

  constructor(test: TestContext, folder = temporaryFolder()) {
    this.#test = test;
    this.folder = folder;
    test.after(() => this.stop());
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string | Buffer): void {
    appendFileSync(this.path(name), text);
  }

  get positions(): string {
    return existsSync(this.path("pos")) ? readFileSync(this.path("pos"), "utf8").replaceAll(`${this.folder}/`, "") : "";
  }

  /** The line that pos_file has for a file. */
  line(name: string, offset: number, inodeOf = name): string {
    const hex = (value: number) => value.toString(16).padStart(16, "0");
    return `${name}\t${hex(offset)}\t${hex(statSync(this.path(inodeOf)).ino)}\n`;
  }

  /** Makes the input; `text` is what stands in its section beside path, tag, pos_file and `<parse>`. */
  create(text = "", options: { path?: string; tag?: string; parse?: string; posFile?: boolean } = {}): Input {
    const { path = "x.log", tag = "t", parse = PARSE_NONE, posFile = true } = options;
    const paths = path
      .split(",")
      .map((part) => this.path(part))
      .join(",");
    const pos = posFile ? `pos_file ${this.path("pos")}` : "";
    const element = parsedElement(
      `<source>\n@type tail\npath ${paths}\ntag ${tag}\n${pos}\n${text}\n${parse}\n</source>`,
    );
    if (this.plugin) this.#earlier.push(...this.plugin.emitter.records.map(({ message }) => String(message)));
    this.plugin = pluginContext(element);
    for (const holder of this.holders) this.plugin.holdings.add(holder);
    return tailInput.create(readSectionOrThrow(tailInput.table, element), this.plugin);
  }

  async start(
    text = "",
    options: { path?: string; tag?: string; parse?: string; posFile?: boolean } = {},
  ): Promise<void> {
    this.#input = this.create(`enable_stat_watcher false\n${text}`, options);
    await this.#input.start();
  }

  async stop(): Promise<void> {
    await this.#input?.stop(AbortSignal.timeout(10_000));
    this.#input = undefined;
  }

  async kill(): Promise<void> {
    this.plugin.emitter.error = new Error("killed");
    await this.stop();
  }

  get messages(): string[] {
    const now = this.plugin.emitter.records.map(({ message }) => String(message));
    return [...this.#earlier, ...now];
  }

  /** Lets seconds pass until it holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      this.plugin.clock.advance(1000);
      await wait(2);
      if (this.#test.signal.aborted) throw new Error("aborted");
    }
  }

  /** Lets `seconds` pass, one by one, with time for the disk. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.plugin.clock.advance(1000);
      for (let turn = 0; turn < 10; turn++) await wait(1);
    }
  }
}
