/** The event that a template is filled for: offsets into the stream, and what follows from its tag. */

import { nanosecondsAt, secondsAt } from "../event/time-at.ts";
import type { EventView } from "./event-loop.ts";

/** A tag taken apart, as fluentd's placeholders name the pieces. */
export interface TagParts {
  readonly tag: string;
  readonly parts: readonly string[];
  /** `a`, `a.b`, `a.b.c`. */
  readonly prefixes: readonly string[];
  /** `a.b.c`, `b.c`, `c`. */
  readonly suffixes: readonly string[];
}

export function tagPartsOf(tag: string): TagParts {
  // Ruby's split drops empty parts at the end.
  const parts = tag.replace(/\.+$/, "").split(".");
  return {
    tag,
    parts: tag === "" ? [] : parts,
    prefixes: parts.map((_, index) => parts.slice(0, index + 1).join(".")),
    suffixes: parts.map((_, index) => parts.slice(index).join(".")),
  };
}

/** The tags of a filter seldom change from batch to batch: the last one is kept. */
export class TagCache {
  #last = tagPartsOf("");

  of(tag: string): TagParts {
    if (tag !== this.#last.tag) this.#last = tagPartsOf(tag);
    return this.#last;
  }
}

export class TransformEvent {
  tag: TagParts = tagPartsOf("");
  view: EventView = { packed: Buffer.alloc(0), start: 0, recordStart: 0, end: 0 };

  get seconds(): number {
    return secondsAt(this.view.packed, this.view.start + 1, this.view.recordStart);
  }

  get nanoseconds(): number {
    return nanosecondsAt(this.view.packed, this.view.start + 1);
  }
}
