/** A child process whose output can be waited for, and which never outlives the test. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class ChildProgram {
  readonly #child: ChildProcess;
  #output = "";
  #wake = () => {};
  readonly exited: Promise<number | null>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    running.add(child);
    const keep = (text: Buffer) => {
      this.#output += text;
      this.#wake();
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.stdin?.on("error", () => {}); // Whoever waits for its output is told that it has ended.
    this.exited = once(child, "close").then(([code]) => {
      running.delete(child);
      this.#wake();
      return code as number | null;
    });
  }

  static start(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = process.env): ChildProgram {
    return new ChildProgram(spawn(command, args, { env: environment, stdio: ["pipe", "pipe", "pipe"] }));
  }

  /** Standard output and standard error, as they came. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get stdin(): NodeJS.WritableStream {
    return this.#child.stdin as NodeJS.WritableStream;
  }

  /** Waits until the output satisfies `wanted`; fails when the program ends first. The test's own timeout bounds it. */
  async waitFor(wanted: string | RegExp | ((output: string) => boolean)): Promise<string> {
    const holds = (output: string) =>
      typeof wanted === "function"
        ? wanted(output)
        : typeof wanted === "string"
          ? output.includes(wanted)
          : wanted.test(output);
    while (!holds(this.#output)) {
      if (this.hasExited) throw new Error(`ended before ${wanted} was seen; its output:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#output;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the program and waits for its end. Safe to call twice. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (!this.hasExited) this.#child.kill(signal);
    return this.exited;
  }
}
