/**
 * Who watches events as they pass. Routes are built with the taps that there are, and built anew when a tap comes or
 * goes: a pipeline that nobody watches has none of this on its way.
 */

import type { EventStream } from "../event/event-stream.ts";
import type { Emitter, Filter } from "../plugin.ts";

/** Where a tap sees events: on the way into a level, behind a filter, on the way into an output, or matched by nothing. */
export interface TapPoint {
  /** Of the plugin, or the name of the level. */
  readonly id: string;
  readonly kind: "level" | "filter" | "output" | "unmatched";
}

export interface Tap {
  matches(tag: string): boolean;
  /** Must not throw, wait, or keep the events: their memory is used again. */
  take(point: TapPoint, tag: string, events: EventStream): void;
}

export class Taps {
  readonly #taps = new Set<Tap>();
  #forgetRoutes = () => {};

  /** The pipeline whose routes are in use forgets them by `forgetRoutes`. */
  connect(forgetRoutes: () => void): void {
    this.#forgetRoutes = forgetRoutes;
  }

  /** Those that want events of this tag. */
  of(tag: string): Tap[] {
    if (this.#taps.size === 0) return [];
    return [...this.#taps].filter((tap) => tap.matches(tag));
  }

  /** Shows events to `tap` until the returned function is called. */
  attach(tap: Tap): () => void {
    this.#taps.add(tap);
    this.#forgetRoutes();
    return () => {
      if (this.#taps.delete(tap)) this.#forgetRoutes();
    };
  }
}

/** The emitter, with `taps` that see what goes into it. */
export function tappedEmitter(emitter: Emitter, point: TapPoint, taps: readonly Tap[]): Emitter {
  return {
    emit(tag, events, origin) {
      for (const tap of taps) tap.take(point, tag, events);
      return emitter.emit(tag, events, origin);
    },
  };
}

/** The filter, with `taps` that see what comes out of it. */
export function tappedFilter(filter: Filter, point: TapPoint, taps: readonly Tap[]): Filter {
  const shown = (tag: string, events: EventStream) => {
    for (const tap of taps) tap.take(point, tag, events);
    return events;
  };
  return {
    ...(filter.keepsEvents !== undefined && { keepsEvents: filter.keepsEvents }),
    ...(filter.isPerEvent !== undefined && { isPerEvent: filter.isPerEvent }),
    start: () => filter.start(),
    stop: (deadline) => filter.stop(deadline),
    filter(tag, events, keepsFailed) {
      const filtered = filter.filter(tag, events, keepsFailed);
      return filtered instanceof Promise ? filtered.then((rest) => shown(tag, rest)) : shown(tag, filtered);
    },
  };
}
