/**
 * Pods or namespaces that are known, by uid and by name. What a watch tells enters while there is room; beyond that it
 * only renews what is known, so that a watch of a whole cluster does not push out what the node's events need.
 */

import type { Clock } from "../../clock.ts";
import { BoundedCache } from "./bounded-cache.ts";

export interface KnownObject {
  readonly uid: string;
  readonly namespace?: string;
  readonly name: string;
}

export class KnownObjects<T extends KnownObject> {
  readonly #byUid: BoundedCache<T>;
  readonly #uidByName: BoundedCache<string>;
  readonly #lifeMs: number;

  /** `lifeMs`: how long an object counts that no watch renews. */
  constructor(capacity: number, lifeMs: number, clock: Clock) {
    this.#byUid = new BoundedCache(capacity, clock);
    this.#uidByName = new BoundedCache(capacity, clock);
    this.#lifeMs = lifeMs;
  }

  get size(): number {
    return this.#byUid.size;
  }

  get(uid: string): T | undefined {
    return this.#byUid.get(uid);
  }

  /** The newest object of this name. */
  named(name: string, namespace?: string): T | undefined {
    const uid = this.#uidByName.get(nameKey({ name, ...(namespace !== undefined && { namespace }) }));
    return uid === undefined ? undefined : this.#byUid.get(uid);
  }

  /** An object that was asked for. */
  add(object: T): void {
    this.#set(object, this.#lifeMs);
  }

  /** An object as a watch told it. Returns whether it is kept. */
  renew(object: T): boolean {
    if (this.#byUid.isFull && !this.#byUid.has(object.uid)) return false;
    this.#set(object, Number.POSITIVE_INFINITY);
    return true;
  }

  /** The object is gone, and its last lines may still be read. */
  leave(uid: string): void {
    this.#byUid.expireIn(uid, this.#lifeMs);
  }

  /** All there is, as a list gave it: what is not in it is gone. */
  replace(objects: readonly T[]): void {
    const there = new Set(objects.map(({ uid }) => uid));
    for (const uid of this.#byUid.keys()) if (!there.has(uid)) this.leave(uid);
    for (const object of objects) this.renew(object);
  }

  #set(object: T, lifeMs: number): void {
    this.#byUid.set(object.uid, object, lifeMs);
    this.#uidByName.set(nameKey(object), object.uid, Number.POSITIVE_INFINITY);
  }
}

function nameKey({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
