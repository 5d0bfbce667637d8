/**
 * `@type kubernetes_metadata`: puts into each event what the Kubernetes API says of its pod and namespace. Nothing is
 * decoded: the fields are prepared once for a container and spliced into its records.
 *
 * Events wait for the API only where nothing is known of their container, and never longer than its timeouts.
 * Source: fluent-plugin-kubernetes_metadata_filter 3.7.1; COMPAT 6.3.
 */

import { ConfigError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import { writeMapHeader } from "../event/msgpack-writer.ts";
import { mapSize, mapStart } from "../event/record-fields.ts";
import { RecordSplice } from "../event/record-splice.ts";
import { secondsAt } from "../event/time-at.ts";
import type { Filter, FilterDefinition, PluginContext } from "../plugin.ts";
import { filteredStream } from "./event-loop.ts";
import { type FieldChoice, type Namespace, namespaceOf, type Pod, podOf } from "./kubernetes-metadata/api-objects.ts";
import { type ApiSettings, apiSettings, apiUrl, fieldChoice } from "./kubernetes-metadata/api-settings.ts";
import {
  type ContainerOrigin,
  mayHoldMetadata,
  mayHoldOrigin,
  originInRecord,
  TagOrigins,
} from "./kubernetes-metadata/container-origin.ts";
import type { KnownObjects } from "./kubernetes-metadata/known-objects.ts";
import type { KubernetesApi, ObjectKind } from "./kubernetes-metadata/kubernetes-api.ts";
import { MetadataLookup } from "./kubernetes-metadata/metadata-lookup.ts";
import { ObjectWatch, type WatchContext } from "./kubernetes-metadata/object-watch.ts";
import { type KubernetesMetadataConfig, kubernetesMetadataTable } from "./kubernetes-metadata/parameters.ts";
import type { PreparedMetadata } from "./kubernetes-metadata/prepared-metadata.ts";

export const kubernetesMetadataFilter: FilterDefinition<KubernetesMetadataConfig> = {
  type: "kubernetes_metadata",
  kind: "filter",
  table: kubernetesMetadataTable,
  create: (config, context) => new KubernetesMetadataFilter(config, context, process.env),
};

class KubernetesMetadataFilter implements Filter {
  readonly #context: PluginContext;
  readonly #origins: TagOrigins;
  readonly #lookup: MetadataLookup;
  readonly #config: KubernetesMetadataConfig;
  readonly #choice: FieldChoice;
  /** Undefined where there is no API. */
  readonly #apiSettings: ApiSettings | undefined;
  readonly #node: string | undefined;
  readonly #looksIntoRecords: boolean;
  readonly #statsMs: number;
  readonly #both = new RecordSplice(["docker", "kubernetes"]);
  readonly #withoutDocker = new RecordSplice(["kubernetes"]);
  #watches: readonly ObjectWatch[] = [];
  #stopStats = () => {};
  /** Until then the pods of the node are not known. */
  #ready: Promise<unknown> | undefined;

  constructor(config: KubernetesMetadataConfig, context: PluginContext, environment: NodeJS.ProcessEnv) {
    const { clock, logger, element } = context;
    if (config.cacheSize < 1) throw new ConfigError("cache_size must be 1 or more", element.position);
    const url = apiUrl(config, environment);
    this.#context = context;
    this.#config = config;
    this.#apiSettings = url === undefined ? undefined : apiSettings(config, url);
    this.#choice = fieldChoice(config, url, logger);
    this.#node = environment.K8S_NODE_NAME?.trim() || undefined;
    const settings = {
      choice: this.#choice,
      cacheSize: config.cacheSize,
      cacheLifeMs: config.cacheTtl < 0 ? Number.POSITIVE_INFINITY : config.cacheTtl * 1000,
      withNamespaces: !config.skipNamespaceMetadata,
      orphan: config.allowOrphans
        ? { namespace_name: config.orphanedNamespaceName, namespace_id: config.orphanedNamespaceId }
        : undefined,
    };
    this.#origins = new TagOrigins(config.tagToKubernetesNameRegexp, config.cacheSize, element.position);
    this.#lookup = new MetadataLookup(settings, clock, logger);
    this.#looksIntoRecords = config.lookupFromK8sField;
    this.#statsMs = config.statsInterval * 1000;
    if (url === undefined) {
      logger.warn("there is no kubernetes_url and no KUBERNETES_SERVICE_HOST: only names are added");
    } else if (config.watch && this.#node === undefined) {
      logger.warn("the environment variable K8S_NODE_NAME is not set: pods of the whole cluster are watched");
    }
  }

  readonly isPerEvent = true;

  async start(): Promise<void> {
    if (this.#apiSettings) {
      const { KubernetesApi } = await import("./kubernetes-metadata/kubernetes-api.ts");
      const api = new KubernetesApi(this.#apiSettings, this.#context.clock);
      this.#lookup.askFrom(api);
      if (this.#config.watch) this.#watches = this.#watchesOf(api);
    }
    for (const watch of this.#watches) watch.start();
    if (this.#watches.length > 0) {
      this.#ready = Promise.all(this.#watches.map(({ firstList }) => firstList)).then(() => {
        this.#ready = undefined;
      });
    }
    if (this.#statsMs > 0) this.#stopStats = this.#context.clock.every(this.#statsMs, () => this.#logStats());
  }

  async stop(): Promise<void> {
    this.#stopStats();
    this.#lookup.stop();
    await Promise.all(this.#watches.map((watch) => watch.stop()));
  }

  filter(tag: string, events: EventStream): EventStream | Promise<EventStream> {
    if (events.size === 0) return events;
    const { packed } = events;
    const origin = this.#origins.of(tag);
    if (this.#looksIntoRecords && mayHoldOrigin(packed)) return this.#filterEach(tag, events, origin);
    if (!origin) return events;
    const known = this.#ready ? undefined : this.#lookup.known(origin);
    if (known) return this.#splice(tag, events, () => known);
    const eventMs = secondsAt(packed, 1, packed.length) * 1000;
    return this.#metadataOf(origin, eventMs).then((metadata) => this.#splice(tag, events, () => metadata));
  }

  /** Where records may say themselves what they are from. */
  async #filterEach(tag: string, events: EventStream, ofTag: ContainerOrigin | undefined): Promise<EventStream> {
    const { packed } = events;
    const metadata: (PreparedMetadata | undefined)[] = [];
    const firstMs = secondsAt(packed, 1, packed.length) * 1000;
    const byTag = ofTag && (await this.#metadataOf(ofTag, firstMs));
    for (const { timeStart, recordStart } of events.entries()) {
      const origin = originInRecord(packed, recordStart);
      const eventMs = secondsAt(packed, timeStart, recordStart) * 1000;
      metadata.push(origin ? await this.#metadataOf(origin, eventMs) : byTag);
    }
    let index = 0;
    return this.#splice(tag, events, () => metadata[index++]);
  }

  async #metadataOf(origin: ContainerOrigin, eventMs: number): Promise<PreparedMetadata> {
    await this.#ready;
    return this.#lookup.known(origin) ?? this.#lookup.ask(origin, eventMs);
  }

  #splice(
    tag: string,
    events: EventStream,
    metadataOfNext: () => PreparedMetadata | undefined,
  ): EventStream | Promise<EventStream> {
    const isAppend = !mayHoldMetadata(events.packed);
    return filteredStream(this.#context, tag, events, (target, { packed, start, recordStart, end }) => {
      const metadata = metadataOfNext();
      if (!metadata) {
        target.copy(packed, start, end);
        return 1;
      }
      const { names, values, pairs } = metadata;
      target.copy(packed, start, recordStart);
      if (isAppend) {
        writeMapHeader(target, mapSize(packed, recordStart) + names.length);
        target.copy(packed, mapStart(packed, recordStart), end);
        target.copy(pairs);
      } else (names.length === 2 ? this.#both : this.#withoutDocker).write(target, packed, recordStart, values);
      return 1;
    });
  }

  #watchesOf(api: KubernetesApi): ObjectWatch[] {
    const { clock, logger } = this.#context;
    const config = this.#config;
    const choice = this.#choice;
    const lookup = this.#lookup;
    const retry = {
      intervalMs: config.watchRetryInterval * 1000,
      base: config.watchRetryExponentialBackoffBase,
      maxTimes: config.watchRetryMaxTimes,
    };
    const context: WatchContext = { api, clock, logger, retry, count: (name) => lookup.count(name) };
    const pods = followed<Pod>("pods", lookup.pods, (object) => podOf(object, choice), lookup);
    const fieldSelector = this.#node === undefined ? undefined : `spec.nodeName=${this.#node}`;
    const namespaces = followed<Namespace>(
      "namespaces",
      lookup.namespaces,
      (object) => namespaceOf(object, choice),
      lookup,
    );
    return [
      new ObjectWatch({ ...pods, fieldSelector }, context),
      ...(config.skipNamespaceMetadata ? [] : [new ObjectWatch(namespaces, context)]),
    ];
  }

  #logStats(): void {
    const { stats, pods, namespaces } = this.#lookup;
    const sizes = [`pod_cache_size: ${pods.size}`, `namespace_cache_size: ${namespaces.size}`];
    this.#context.logger.info(
      `stats - ${[...[...stats].map(([name, count]) => `${name}: ${count}`), ...sizes].join(", ")}`,
    );
  }
}

/** What a watch of this kind does with what it hears. */
function followed<T extends Pod | Namespace>(
  kind: ObjectKind,
  known: KnownObjects<T>,
  read: (object: unknown) => T | undefined,
  lookup: MetadataLookup,
) {
  const name = kind.replace(/s$/, "");
  return {
    kind,
    replace(objects: readonly unknown[]) {
      known.replace(objects.flatMap((object) => read(object) ?? []));
    },
    changed(object: unknown) {
      const found = read(object);
      if (found) lookup.count(known.renew(found) ? `${name}_cache_watch_updates` : `${name}_cache_watch_misses`);
    },
    deleted(object: unknown) {
      const found = read(object);
      if (found) known.leave(found.uid);
      lookup.count(`${name}_cache_watch_deletes_ignored`);
    },
  };
}
