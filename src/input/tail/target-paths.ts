/**
 * The files to follow: the configured paths at this moment, with strftime's directives and globs written out, without
 * those that are excluded. Source: fluentd 1.18 in_tail.rb `expand_paths`; COMPAT 5.1.
 */

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { Clock } from "../../clock.ts";
import { type TimeFormat, timeFormat } from "../../event/strftime.ts";
import type { TimeZone } from "../../event/time-zone.ts";
import type { Logger } from "../../logger.ts";
import { type FileStatus, fileStatus } from "./file-identity.ts";
import { inLanes } from "./lanes.ts";
import { rubyGlob } from "./ruby-glob.ts";

export type GlobPolicy = "backward_compatible" | "extended" | "always";

export interface Target {
  readonly path: string;
  readonly status: FileStatus;
}

export interface TargetRules {
  readonly paths: readonly string[];
  readonly excludedPaths: readonly string[];
  readonly globPolicy: GlobPolicy;
  readonly zone: TimeZone;
  /** Files that a glob finds count only when they were changed since so many seconds. */
  readonly recentSeconds: number | undefined;
  readonly ignoreRepeatedPermissionError: boolean;
}

export function isExtendedGlob(path: string): boolean {
  return path.includes("*") || path.includes("?") || /\[.*\]/.test(path);
}

function isGlob(path: string, policy: GlobPolicy): boolean {
  if (policy === "backward_compatible") return path.includes("*");
  return isExtendedGlob(path) || (policy === "always" && /\{.*,.*\}/.test(path));
}

export class TargetPaths {
  readonly #rules: TargetRules;
  readonly #paths: readonly TimeFormat[];
  readonly #excluded: readonly TimeFormat[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Files of which it was said that they cannot be read. */
  readonly #ignored = new Set<string>();

  constructor(rules: TargetRules, clock: Clock, logger: Logger) {
    const compile = (path: string) => timeFormat(path, rules.zone);
    this.#rules = rules;
    this.#paths = rules.paths.map(compile);
    this.#excluded = rules.excludedPaths.map(compile);
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Each path once, in the order of the configuration. */
  async expand(): Promise<Target[]> {
    const now = this.#clock.now();
    const excluded = new Set((await this.#resolve(this.#excluded, now)).flatMap(({ paths }) => paths));
    const found = new Map<string, Target>();
    for (const { paths, isFromGlob } of await this.#resolve(this.#paths, now)) {
      const wanted = paths.filter((path) => !excluded.has(path) && !found.has(path));
      const targets = await inLanes(wanted, (path) => this.#target(path, isFromGlob, now));
      for (const target of targets) if (target) found.set(target.path, target);
    }
    return [...found.values()];
  }

  #resolve(formats: readonly TimeFormat[], now: number) {
    return Promise.all(
      formats.map(async (format) => {
        const path = format(Math.floor(now / 1000));
        const isFromGlob = isGlob(path, this.#rules.globPolicy);
        return { paths: isFromGlob ? await rubyGlob(path) : [path], isFromGlob };
      }),
    );
  }

  async #target(path: string, isFromGlob: boolean, now: number): Promise<Target | undefined> {
    const status = await fileStatus(path);
    if (!status?.isFile) return undefined;
    if (isFromGlob) {
      if (!(await this.#isReadable(path))) return undefined;
      const { recentSeconds } = this.#rules;
      if (recentSeconds !== undefined && Number(status.modifiedNs / 1_000_000n) < now - recentSeconds * 1000)
        return undefined;
    }
    return { path, status };
  }

  async #isReadable(path: string): Promise<boolean> {
    try {
      await access(path, constants.R_OK);
      this.#ignored.delete(path);
      return true;
    } catch (error) {
      const isForbidden = (error as NodeJS.ErrnoException).code === "EACCES";
      if (isForbidden && !this.#ignored.has(path)) {
        this.#logger.warn(`${path} unreadable. It is excluded and would be examined next time.`);
        if (this.#rules.ignoreRepeatedPermissionError) this.#ignored.add(path);
      }
      return false;
    }
  }
}
