/**
 * How much may be read of a file now: `read_bytes_limit_per_second`, and the lines of its `<group>`.
 * Source: fluentd 1.18 in_tail.rb `limit_bytes_per_second_reached?`, in_tail/group_watch.rb.
 */

import type { Clock } from "../../clock.ts";

const SECOND_MS = 1000;

/** A number of something that may pass in each period, for one file. */
export class Allowance {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #limit: () => number;
  #used = 0;
  #startedAt: number | undefined;

  /** `limit` may change with time; Infinity is none, 0 never lets anything pass. */
  constructor(clock: Clock, periodMs: number, limit: () => number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#limit = limit;
  }

  get left(): number {
    const limit = this.#limit();
    if (this.#used < limit || limit === 0) return limit - Math.min(this.#used, limit);
    if (this.#clock.monotonic() - (this.#startedAt ?? Number.NEGATIVE_INFINITY) < this.#periodMs) return 0;
    this.#used = 0;
    this.#startedAt = undefined;
    return limit;
  }

  use(count: number): void {
    this.#startedAt ??= this.#clock.monotonic();
    this.#used += count;
  }

  /** Nothing ever passes. */
  get isClosed(): boolean {
    return this.#limit() === 0;
  }
}

export function bytesPerSecond(clock: Clock, limitBytes: number): Allowance {
  return new Allowance(clock, SECOND_MS, () => (limitBytes > 0 ? limitBytes : Number.POSITIVE_INFINITY));
}

export interface GroupRule {
  /** Expressions by the names of the pattern's groups. */
  readonly match: Readonly<Record<string, RegExp>>;
  /** Lines of all files of the group in one period; -1 is no limit. */
  readonly limit: number;
}

/** Files that share a number of lines. */
interface FileGroup {
  readonly limit: number;
  readonly key: RegExp;
  files: number;
}

/** What stands between the parts of a group's key. */
const JOIN = "_";

export class FileGroups {
  readonly #pattern: RegExp;
  readonly #names: readonly string[];
  readonly #periodMs: number;
  readonly #clock: Clock;
  readonly #groups: readonly FileGroup[];
  readonly #others: FileGroup;
  readonly #onUnknown: (path: string) => void;

  /** `onUnknown` gets paths that the pattern does not match. */
  constructor(
    options: { pattern: RegExp; periodSeconds: number; rules: readonly GroupRule[] },
    clock: Clock,
    onUnknown: (path: string) => void,
  ) {
    this.#pattern = options.pattern;
    this.#names = groupNames(options.pattern);
    this.#periodMs = options.periodSeconds * 1000;
    this.#clock = clock;
    this.#onUnknown = onUnknown;
    // Rules with more expressions are more specific: they are asked first.
    const rules = [...options.rules].sort(
      (left, right) => Object.keys(right.match).length - Object.keys(left.match).length,
    );
    const groups = rules.map(({ match, limit }) => ({ limit, key: this.#keyOf(match), files: 0 }));
    const anything = this.#keyOf({}).source;
    this.#groups = groups.filter(({ key }) => key.source !== anything);
    this.#others = groups.find(({ key }) => key.source === anything) ?? { limit: -1, key: /(?:)/, files: 0 };
  }

  /** The lines that may be read of the file; `leave` when it is followed no more. */
  join(path: string): { readonly lines: Allowance; leave(): void } {
    const group = this.#groupOf(path);
    group.files += 1;
    const share = () =>
      group.limit < 0 ? Number.POSITIVE_INFINITY : group.limit && Math.max(1, Math.floor(group.limit / group.files));
    let isMember = true;
    return {
      lines: new Allowance(this.#clock, this.#periodMs, share),
      leave: () => {
        if (isMember) group.files -= 1;
        isMember = false;
      },
    };
  }

  #groupOf(path: string): FileGroup {
    const values = this.#pattern.exec(path)?.groups;
    if (!values) {
      this.#onUnknown(path);
      return this.#others;
    }
    const key = this.#names.map((name) => values[name] ?? "").join(JOIN);
    return this.#groups.find((group) => group.key.test(key)) ?? this.#others;
  }

  /** The rule's expressions joined as the values are. */
  #keyOf(match: Readonly<Record<string, RegExp>>): RegExp {
    const flags = Object.values(match)[0]?.flags ?? "m";
    return new RegExp(this.#names.map((name) => match[name]?.source ?? ".*").join(JOIN), flags);
  }
}

/** The names of the pattern's groups in the order of the text. */
function groupNames(pattern: RegExp): string[] {
  return [...pattern.source.matchAll(/\(\?<([^=!>][^>]*)>/g)].map(([, name]) => name as string);
}
