/**
 * From a container's names to what the API says of it. What a watch told, or an earlier answer, serves at once; for the
 * rest the API is asked, within its timeouts. While it is away events get what is known, as the plugin gives them.
 *
 * | pod | namespace | the event gets |
 * |-----|-----------|----------------|
 * | found | found | everything |
 * | absent | found, older than the event | pod_id is the container's id; the namespace |
 * | absent | found, younger | the namespace |
 * | any | absent | `orphaned_namespace`, or only names without allow_orphans |
 *
 * Source: fluent-plugin-kubernetes_metadata_filter 3.7.1 kubernetes_metadata_cache_strategy.rb.
 */

import type { Clock } from "../../clock.ts";
import { errorMessage } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { type FieldChoice, type Fields, type Namespace, namespaceOf, type Pod, podOf } from "./api-objects.ts";
import { ApiStatusError } from "./api-status-error.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { ContainerOrigin } from "./container-origin.ts";
import { KnownObjects } from "./known-objects.ts";
import type { KubernetesApi } from "./kubernetes-api.ts";
import { type PreparedMetadata, prepareMetadata } from "./prepared-metadata.ts";

/** A pod that the API does not have is asked for again no sooner. */
const ABSENT_MS = 5000;
const FIRST_AWAY_MS = 1000;
const MAX_AWAY_MS = 30_000;
const NOT_FOUND = 404;

export interface LookupSettings {
  readonly choice: FieldChoice;
  readonly cacheSize: number;
  readonly cacheLifeMs: number;
  readonly withNamespaces: boolean;
  /** What an event gets whose namespace cannot be found; undefined for only its names. */
  readonly orphan: Fields | undefined;
}

/** What a container was found to belong to. */
interface Ids {
  readonly pod: string | undefined;
  readonly namespace: string | undefined;
}

interface Prepared {
  readonly pod: Pod;
  readonly namespace: Namespace | undefined;
  readonly metadata: PreparedMetadata;
}

type Question<T> = (api: KubernetesApi, signal: AbortSignal) => Promise<T | undefined>;

export class MetadataLookup {
  readonly pods: KnownObjects<Pod>;
  readonly namespaces: KnownObjects<Namespace>;
  /** Things that happened, by the names that the plugin counts them under. */
  readonly stats = new Map<string, number>();
  readonly #settings: LookupSettings;
  #api: KubernetesApi | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ids: BoundedCache<Ids>;
  readonly #prepared: BoundedCache<Prepared>;
  readonly #absent: BoundedCache<true>;
  readonly #asking = new Map<string, Promise<unknown>>();
  readonly #end = new AbortController();
  #awayUntil = 0;
  #awayMs = 0;

  constructor(settings: LookupSettings, clock: Clock, logger: Logger) {
    const { cacheSize, cacheLifeMs } = settings;
    this.#settings = settings;
    this.#clock = clock;
    this.#logger = logger;
    this.pods = new KnownObjects(cacheSize, cacheLifeMs, clock);
    this.namespaces = new KnownObjects(cacheSize, cacheLifeMs, clock);
    this.#ids = new BoundedCache(cacheSize, clock);
    this.#prepared = new BoundedCache(cacheSize, clock);
    this.#absent = new BoundedCache(cacheSize, clock);
  }

  /** From now on `api` is asked. Without one events get only the names that their tags have. */
  askFrom(api: KubernetesApi): void {
    this.#api = api;
  }

  count(name: string): void {
    this.stats.set(name, (this.stats.get(name) ?? 0) + 1);
  }

  /** Ends lookups that are under way: their events go on with what is known. */
  stop(): void {
    this.#end.abort();
    this.#api?.close();
  }

  /** What is at hand; undefined where the API has to be asked. */
  known(origin: ContainerOrigin): PreparedMetadata | undefined {
    if (!this.#api) return prepareMetadata(origin, undefined);
    const ids = this.#ids.get(origin.key);
    const pod = ids ? this.#podOf(ids) : this.#watchedPod(origin);
    if (!pod) return undefined;
    const namespace = ids ? this.#namespaceOf(ids) : this.namespaces.named(origin.namespace);
    if (!namespace && this.#settings.withNamespaces) return undefined;
    if (!ids) this.#remember(origin, pod.uid, namespace?.uid);
    return this.#prepare(origin, pod, namespace);
  }

  /** Asks the API for what is not at hand. Never rejects, and takes no longer than the API's timeouts. */
  async ask(origin: ContainerOrigin, eventMs: number): Promise<PreparedMetadata> {
    const ids = this.#ids.get(origin.key);
    if (ids) return this.#renewed(origin, ids);
    this.count("id_cache_miss");
    const [pod, namespace] = await Promise.all([this.#askPod(origin), this.#namespaceNamed(origin.namespace)]);
    if (!this.#settings.withNamespaces) {
      this.#remember(origin, pod?.uid, undefined);
      return pod ? this.#prepare(origin, pod, undefined) : prepareMetadata(origin, undefined);
    }
    if (!namespace) {
      this.count(pod ? "id_cache_namespace_not_found_pod" : "id_cache_orphaned_record");
      const { orphan } = this.#settings;
      return prepareMetadata(origin, undefined, orphan ? { orphaned_namespace: origin.namespace, ...orphan } : {});
    }
    if (pod) {
      this.#remember(origin, pod.uid, namespace.uid);
      return this.#prepare(origin, pod, namespace);
    }
    this.count("id_cache_pod_not_found_namespace");
    const isOlder = namespace.createdAt <= eventMs;
    this.#remember(origin, isOlder ? origin.key : undefined, namespace.uid);
    return prepareMetadata(origin, undefined, isOlder ? { pod_id: origin.key } : {}, namespace.fields);
  }

  /** Of a container that was found before: what was forgotten meanwhile is asked for again. */
  async #renewed(origin: ContainerOrigin, ids: Ids): Promise<PreparedMetadata> {
    const [pod, namespace] = await Promise.all([
      this.#podOf(ids) ?? this.#askPod(origin),
      this.#namespaceOf(ids) ?? this.#namespaceNamed(origin.namespace),
    ]);
    const podFields = pod?.fields ?? (ids.pod === undefined ? {} : { pod_id: ids.pod });
    const namespaceFields = namespace?.fields ?? (ids.namespace === undefined ? {} : { namespace_id: ids.namespace });
    return prepareMetadata(origin, pod && this.#containerOf(origin, pod), podFields, namespaceFields);
  }

  #podOf({ pod }: Ids): Pod | undefined {
    return pod === undefined ? undefined : this.pods.get(pod);
  }

  #namespaceOf({ namespace }: Ids): Namespace | undefined {
    return namespace === undefined ? undefined : this.namespaces.get(namespace);
  }

  /** A pod that is surely the one of this container, not an earlier or later one of the same name. */
  #watchedPod(origin: ContainerOrigin): Pod | undefined {
    const pod = this.pods.named(origin.pod, origin.namespace);
    if (!pod) return undefined;
    const isSame =
      pod.uid === origin.key || pod.containers.get(origin.container)?.containerId === (origin.containerId ?? null);
    return isSame ? pod : undefined;
  }

  /** Not while the API is away: what was said of this container then may be of an earlier pod of the same name. */
  #remember(origin: ContainerOrigin, pod: string | undefined, namespace: string | undefined): void {
    if (this.#isAway) return;
    this.#ids.set(origin.key, { pod, namespace }, this.#settings.cacheLifeMs);
  }

  #prepare(origin: ContainerOrigin, pod: Pod, namespace: Namespace | undefined): PreparedMetadata {
    const key = `${origin.key}/${origin.container}`;
    const there = this.#prepared.get(key);
    if (there && there.pod === pod && there.namespace === namespace) return there.metadata;
    const container = this.#containerOf(origin, pod);
    const metadata = prepareMetadata(origin, container, pod.fields, namespace?.fields ?? {});
    this.#prepared.set(key, { pod, namespace, metadata }, Number.POSITIVE_INFINITY);
    return metadata;
  }

  #containerOf(origin: ContainerOrigin, pod: Pod) {
    return this.#settings.choice.containers ? pod.containers.get(origin.container) : undefined;
  }

  async #askPod({ namespace, pod }: ContainerOrigin): Promise<Pod | undefined> {
    const answer = await this.#ask(`pod ${namespace}/${pod}`, "pod", async (api, signal) =>
      podOf(await api.pod(namespace, pod, signal), this.#settings.choice),
    );
    if (answer === "away") return this.pods.named(pod, namespace);
    if (answer) this.pods.add(answer);
    return answer;
  }

  async #namespaceNamed(name: string): Promise<Namespace | undefined> {
    if (!this.#settings.withNamespaces) return undefined;
    const there = this.namespaces.named(name);
    if (there) return there;
    const answer = await this.#ask(`namespace ${name}`, "namespace", async (api, signal) =>
      namespaceOf(await api.namespace(name, signal), this.#settings.choice),
    );
    if (answer === "away" || !answer) return undefined;
    this.namespaces.add(answer);
    return answer;
  }

  /** Several that want the same share one request. */
  #ask<T>(what: string, kind: string, ask: Question<T>): Promise<T | "away" | undefined> {
    const there = this.#asking.get(what) as Promise<T | "away" | undefined> | undefined;
    if (there) return there;
    const asked = this.#askOnce(what, kind, ask).finally(() => this.#asking.delete(what));
    this.#asking.set(what, asked);
    return asked;
  }

  async #askOnce<T>(what: string, kind: string, ask: Question<T>) {
    if (this.#end.signal.aborted || this.#isAway) return "away";
    if (this.#absent.has(what)) return undefined;
    try {
      const found = await ask(this.#api as KubernetesApi, this.#end.signal);
      this.#awayMs = 0;
      this.count(`${kind}_cache_api_updates`);
      return found;
    } catch (error) {
      this.count(`${kind}_cache_api_nil_error`);
      if (error instanceof ApiStatusError && error.status === NOT_FOUND) {
        this.#absent.set(what, true, ABSENT_MS);
        this.#logger.debug(errorMessage(error));
        return undefined;
      }
      if (!this.#end.signal.aborted) this.#goneAway(error as Error);
      return "away";
    }
  }

  get #isAway(): boolean {
    return this.#clock.monotonic() < this.#awayUntil;
  }

  #goneAway(error: Error): void {
    this.#awayMs = Math.min(MAX_AWAY_MS, this.#awayMs * 2 || FIRST_AWAY_MS);
    this.#awayUntil = this.#clock.monotonic() + this.#awayMs;
    const wait = this.#awayMs / 1000;
    this.#logger.error(`${errorMessage(error)}; events go on with what is known, next question in ${wait} s`);
  }
}
