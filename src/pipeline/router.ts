/**
 * Routes events of one level of the configuration, the root or a label: the first `<match>` in the order of the text
 * takes them, after the `<filter>`s that stand above it. Source: fluentd 1.18 event_router.rb and match.rb.
 */

import { Counters } from "../counters.ts";
import { LimitError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import type { Logger } from "../logger.ts";
import type { Emitter, Filter, Output } from "../plugin.ts";
import type { MatchTag } from "./match-pattern.ts";
import { type Tap, type TapPoint, Taps, tappedEmitter, tappedFilter } from "./taps.ts";

/** Routes that are kept: fluentd's number. Tags beyond it cost a search through the rules each time. */
export const ROUTE_CACHE_SIZE = 1024;

/** An output may hand events on to its own level under another tag: a few times, where tags are rewritten step by step. */
const MAX_LAPS = 100;

/** Whose rule it is. */
export interface RulePlugin {
  readonly id: string;
  readonly counters: Counters;
}

interface FilterRule {
  readonly matches: MatchTag;
  readonly filter: Filter;
  readonly plugin: RulePlugin;
}

interface OutputRule {
  readonly matches: MatchTag;
  readonly output: Emitter;
  readonly plugin: RulePlugin;
}

export class Router implements Emitter {
  readonly #rules: (FilterRule | OutputRule)[] = [];
  readonly #logger: Logger;
  readonly #warnsUnmatched: boolean;
  readonly #taps: Taps;
  readonly #level: string;
  /** Routes by tag in two generations: when the young one is full it becomes the old one, whose routes return by use. */
  #young = new Map<string, Emitter>();
  #old = new Map<string, Emitter>();
  #unmatched = 0;
  /** Emits to this level that are under way on the stack, one within the other. */
  #laps = 0;

  /** `warnsUnmatched` is false for `@FLUENT_LOG` only, whose warnings would be events again. */
  constructor(logger: Logger, warnsUnmatched = true, taps = new Taps(), level = "") {
    this.#logger = logger;
    this.#warnsUnmatched = warnsUnmatched;
    this.#taps = taps;
    this.#level = level;
  }

  /** Finds the way of each tag anew: taps came or went. */
  forgetRoutes(): void {
    this.#young.clear();
    this.#old.clear();
  }

  /** Adds a filter behind the rules that are there. */
  addFilter(matches: MatchTag, filter: Filter, plugin: RulePlugin = nameless()): void {
    this.#rules.push({ matches, filter, plugin });
  }

  /** Adds an output behind the rules that are there. */
  addOutput(matches: MatchTag, output: Pick<Output, "emit">, plugin: RulePlugin = nameless()): void {
    this.#rules.push({ matches, output, plugin });
  }

  /** Rejects with LimitError what outputs of this level hand on to it again and again. */
  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    if (this.#laps >= MAX_LAPS) return Promise.reject(endless(tag, this.#level));
    this.#laps += 1;
    try {
      return (this.#young.get(tag) ?? this.#find(tag)).emit(tag, events, origin);
    } finally {
      this.#laps -= 1;
    }
  }

  /** Whether an output would take this tag. */
  takes(tag: string): boolean {
    return this.#rules.some((rule) => "output" in rule && rule.matches(tag));
  }

  /** Ids of the outputs that match this tag, in the order of the text. */
  outputsOf(tag: string): string[] {
    return this.#rules.flatMap((rule) => ("output" in rule && rule.matches(tag) ? [rule.plugin.id] : []));
  }

  #find(tag: string): Emitter {
    const route = this.#old.get(tag) ?? this.#search(tag);
    if (this.#young.size >= ROUTE_CACHE_SIZE / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(tag, route);
    return route;
  }

  #search(tag: string): Emitter {
    const filters: FilterRule[] = [];
    let last: Emitter = {
      emit: (unmatched, events, origin) => {
        origin?.ledger?.book("unmatched", events.size);
        return this.#dropUnmatched(unmatched);
      },
    };
    let point: TapPoint = { id: this.#level, kind: "unmatched" };
    for (const rule of this.#rules) {
      if (!rule.matches(tag)) continue;
      if ("output" in rule) {
        last = rule.output;
        point = { id: rule.plugin.id, kind: "output" };
        break;
      }
      filters.push(rule);
    }
    const taps = this.#taps.of(tag);
    if (taps.length > 0) return this.#tapped(filters, last, point, taps);
    return filters.length === 0 ? last : filterChain(filters, last);
  }

  #tapped(filters: readonly FilterRule[], output: Emitter, point: TapPoint, taps: readonly Tap[]): Emitter {
    const last = tappedEmitter(output, point, taps);
    const chain = filters.map(({ matches, filter, plugin }) => {
      return { matches, plugin, filter: tappedFilter(filter, { id: plugin.id, kind: "filter" }, taps) };
    });
    const route = chain.length === 0 ? last : filterChain(chain, last);
    return tappedEmitter(route, { id: this.#level, kind: "level" }, taps);
  }

  /** Events that no `<match>` wants are let go, as configured; the log says so, ever more rarely. */
  #dropUnmatched(tag: string): Promise<void> {
    const count = ++this.#unmatched;
    const isPowerOfTwo = (count & (count - 1)) === 0;
    if (this.#warnsUnmatched) {
      if (count < 512 ? isPowerOfTwo : count % 512 === 0) this.#logger.warn("no patterns matched", { tag });
      else this.#logger.trace("no patterns matched", { tag });
    }
    return DONE;
  }
}

function endless(tag: string, level: string): LimitError {
  const where = level === "" ? "the root level" : `<label ${level}>`;
  return new LimitError(
    `events with the tag '${tag}' came back to ${where} ${MAX_LAPS} times: a <match> there matches the tags that its own output gives; make its pattern narrower, or let it emit to another @label`,
  );
}

const DONE = Promise.resolve();
const nameless = (): RulePlugin => ({ id: "", counters: new Counters() });

/** Passes batches through every filter. Waits only for filters that need to, and ends early when nothing is left. */
function filterChain(filters: readonly FilterRule[], output: Emitter): Emitter {
  const keepsEvents = filters.some(({ filter }) => filter.keepsEvents);
  const keepsFailed = filters.every(({ filter }) => filter.isPerEvent);
  return {
    async emit(tag, events, origin) {
      const { size } = events;
      let rest = events;
      try {
        for (const { filter, plugin } of filters) {
          const before = rest.size;
          const filtered = filter.filter(tag, rest, keepsFailed);
          rest = filtered instanceof Promise ? await filtered : filtered;
          plugin.counters.add("emitted_events", rest.size);
          plugin.counters.add("emitted_bytes", rest.packed.length);
          if (rest.size !== before) origin?.ledger?.book(`filtered/${plugin.id}`, before - rest.size);
          if (rest.size === 0) return rest.release();
        }
        await output.emit(tag, rest, keepsEvents ? origin?.detached() : origin);
      } catch (error) {
        origin?.ledger?.book("untold", size - rest.size);
        throw error;
      }
    },
  };
}
