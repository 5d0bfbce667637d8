/**
 * A mount namespace of its own, in which a test mounts, fills, breaks and takes away file systems that no other process
 * sees. Needs root, or user namespaces. What is mounted in it goes when the process that holds it ends.
 */

import { spawnSync } from "node:child_process";
import { ChildProgram } from "./child-program.ts";
import { suiroEntry } from "./suiro.ts";

const UNSHARE = [
  "--mount",
  "--propagation",
  "private",
  ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]),
];

/** For node:test's `skip`: false where file systems can be mounted. */
export const withoutMounts: string | false =
  spawnSync("unshare", [...UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0
    ? false
    : "this user can mount nothing, not even in a namespace of its own";

export class PrivateMount {
  readonly #holder: ChildProgram;

  private constructor(holder: ChildProgram) {
    this.#holder = holder;
  }

  static async create(): Promise<PrivateMount> {
    const holder = ChildProgram.start("unshare", [...UNSHARE, "sh", "-c", "echo ready; read line"]);
    await holder.waitFor("ready");
    return new PrivateMount(holder);
  }

  /** Runs a command of the shell to its end, and gives its output; fails when it fails. */
  run(script: string): string {
    const { status, stdout, stderr } = spawnSync("nsenter", [...this.#target, "sh", "-ec", script], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${script}: ${status} ${stderr}${stdout}`);
    return stdout;
  }

  /** Starts an agent that sees what is mounted here, and waits until it runs. */
  async startSuiro(configPath: string, environment: NodeJS.ProcessEnv = {}): Promise<ChildProgram> {
    const command = [...this.#target, process.execPath, suiroEntry, "-c", configPath];
    const program = ChildProgram.start("nsenter", command, { ...process.env, TZ: "UTC", ...environment });
    await program.waitFor("fluentd worker is now running");
    return program;
  }

  async remove(): Promise<void> {
    await this.#holder.stop("SIGKILL");
  }

  get #target(): string[] {
    const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
    return ["--target", String(this.#holder.pid), "--mount", ...user];
  }
}
