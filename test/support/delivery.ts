import type { Delivery } from "../../src/plugin.ts";

/** A delivery of which nobody asks what becomes. */
export function quietDelivery(given: Partial<Delivery> = {}): Delivery {
  const ignore = () => {};
  const { signal } = new AbortController();
  return { sent: ignore, signal, isAlone: false, refused: ignore, accepted: ignore, ...given };
}
