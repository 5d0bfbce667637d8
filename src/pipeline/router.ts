/**
 * Routes events of one level of the configuration, the root or a label: the first `<match>` in the order of the text
 * takes them, after the `<filter>`s that stand above it. Source: fluentd 1.18 event_router.rb and match.rb.
 */

import { Counters } from "../counters.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import type { Logger } from "../logger.ts";
import type { Emitter, Filter, Output } from "../plugin.ts";
import type { MatchTag } from "./match-pattern.ts";

/** Routes that are kept: fluentd's number. Tags beyond it cost a search through the rules each time. */
export const ROUTE_CACHE_SIZE = 1024;

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
  /** Routes by tag in two generations: when the young one is full it becomes the old one, whose routes return by use. */
  #young = new Map<string, Emitter>();
  #old = new Map<string, Emitter>();
  #unmatched = 0;

  /** `warnsUnmatched` is false for `@FLUENT_LOG` only, whose warnings would be events again. */
  constructor(logger: Logger, warnsUnmatched = true) {
    this.#logger = logger;
    this.#warnsUnmatched = warnsUnmatched;
  }

  /** Adds a filter behind the rules that are there. */
  addFilter(matches: MatchTag, filter: Filter, plugin: RulePlugin = nameless()): void {
    this.#rules.push({ matches, filter, plugin });
  }

  /** Adds an output behind the rules that are there. */
  addOutput(matches: MatchTag, output: Pick<Output, "emit">, plugin: RulePlugin = nameless()): void {
    this.#rules.push({ matches, output, plugin });
  }

  emit(tag: string, events: EventStream, origin?: Origin): Promise<void> {
    return (this.#young.get(tag) ?? this.#find(tag)).emit(tag, events, origin);
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
    for (const rule of this.#rules) {
      if (!rule.matches(tag)) continue;
      if ("output" in rule) return filters.length === 0 ? rule.output : filterChain(filters, rule.output);
      filters.push(rule);
    }
    const nowhere: Emitter = { emit: (unmatched) => this.#dropUnmatched(unmatched) };
    return filters.length === 0 ? nowhere : filterChain(filters, nowhere);
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

const DONE = Promise.resolve();
const nameless = (): RulePlugin => ({ id: "", counters: new Counters() });

/** Passes batches through every filter. Waits only for filters that need to, and ends early when nothing is left. */
function filterChain(filters: readonly FilterRule[], output: Emitter): Emitter {
  const keepsEvents = filters.some(({ filter }) => filter.keepsEvents);
  return {
    async emit(tag, events, origin) {
      let rest = events;
      for (const { filter, plugin } of filters) {
        const filtered = filter.filter(tag, rest);
        rest = filtered instanceof Promise ? await filtered : filtered;
        plugin.counters.add("emitted_events", rest.size);
        plugin.counters.add("emitted_bytes", rest.packed.length);
        if (rest.size === 0) return;
      }
      await output.emit(tag, rest, keepsEvents ? origin?.detached() : origin);
    },
  };
}
