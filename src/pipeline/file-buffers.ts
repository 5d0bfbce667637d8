/** The file buffers of a configuration, in its order. */

import { BufferedOutput } from "../output/buffered-output.ts";
import type { Part } from "./topology.ts";

export interface FileBuffers {
  readonly places: readonly { readonly path: string; readonly pathSuffix: string }[];
  /** What each has received, by the id of its output. */
  readonly received: ReadonlyMap<string, number>;
}

export function fileBuffers(parts: readonly Part[]): FileBuffers {
  const places: { path: string; pathSuffix: string }[] = [];
  const received = new Map<string, number>();
  for (const { context, plugin } of parts) {
    if (!(plugin instanceof BufferedOutput) || !plugin.place) continue;
    places.push(plugin.place);
    received.set(context.id, plugin.report().account?.received ?? 0);
  }
  return { places, received };
}
