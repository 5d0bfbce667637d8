/** A process beside the agent, of this benchmark's own: asked over IPC, and gone with its parent. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

export class Companion {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #messages: unknown[] = [];
  #waiting: { resolve: (message: unknown) => void; reject: (error: Error) => void } | undefined;

  constructor(program: string, args: string[]) {
    this.#name = program;
    this.#child = fork(program, args);
    this.#child.on("message", (message) => {
      if (this.#waiting) this.#waiting.resolve(message);
      else this.#messages.push(message);
      this.#waiting = undefined;
    });
    this.#child.on("exit", () => this.#waiting?.reject(new Error(`${this.#name} ended before it answered`)));
  }

  /** The next message. Rejects when the process ends instead. */
  next<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#messages.length > 0) return resolve(this.#messages.shift() as T);
      if (this.#child.exitCode !== null) return reject(new Error(`${this.#name} has ended`));
      this.#waiting = { resolve: resolve as (message: unknown) => void, reject };
    });
  }

  ask<T>(request: object): Promise<T> {
    if (this.#child.connected) this.#child.send(request);
    return this.next();
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    await exit;
  }
}
