/**
 * Keeps up with all objects of one kind: a list, then a watch from its version on, for as long as the agent runs. An API
 * that is away is asked again after growing waits, for ever; until then what was known stays.
 * Source: Kubernetes API concepts, "410 Gone responses"; fluent-plugin-kubernetes_metadata_filter 3.7.1 (retries).
 */

import { type Clock, sleep } from "../../clock.ts";
import { errorMessage, NetworkError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { mapOf } from "./api-objects.ts";
import { ApiStatusError } from "./api-status-error.ts";
import type { KubernetesApi, ListQuery, ObjectKind, WatchEvent } from "./kubernetes-api.ts";

const MAX_WAIT_MS = 60_000;
/** Between two watches that both ended at once, without an error. */
const MIN_WATCH_MS = 1000;
const GONE = 410;

export interface WatchTarget {
  readonly kind: ObjectKind;
  readonly fieldSelector?: string | undefined;
  /** Every object there is. */
  replace(objects: readonly unknown[]): void;
  changed(object: unknown): void;
  deleted(object: unknown): void;
}

export interface RetrySettings {
  readonly intervalMs: number;
  readonly base: number;
  /** Failures in a row after which the log calls them errors. */
  readonly maxTimes: number;
}

export interface WatchContext {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retry: RetrySettings;
  /** Counts what happened: `pod_watch_failures`. */
  count(name: string): void;
}

export class ObjectWatch {
  /** Resolves when the first list came or could not be had. */
  readonly firstList: Promise<void>;
  readonly #target: WatchTarget;
  readonly #context: WatchContext;
  readonly #end = new AbortController();
  readonly #settleFirst: () => void;
  #version: string | undefined;
  #failures = 0;
  /** Whether the watch that follows the list is the first one. */
  #isListNew = false;
  #running: Promise<void> | undefined;

  constructor(target: WatchTarget, context: WatchContext) {
    this.#target = target;
    this.#context = context;
    let settle = () => {};
    this.firstList = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settleFirst = settle;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Safe twice. */
  async stop(): Promise<void> {
    this.#end.abort();
    this.#settleFirst();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#context;
    while (!this.#end.signal.aborted) {
      const startedAt = clock.monotonic();
      try {
        if (this.#version === undefined) await this.#list();
        await this.#watch(this.#version as string);
        this.#failures = 0;
        this.#isListNew = false;
        await sleep(clock, Math.max(0, MIN_WATCH_MS - (clock.monotonic() - startedAt)), this.#end.signal);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        const waitMs = this.#failed(error as Error);
        this.#settleFirst();
        await sleep(clock, waitMs, this.#end.signal);
      }
    }
  }

  async #list(): Promise<void> {
    const { kind } = this.#target;
    // Version 0: out of the API server's memory, without a read of etcd.
    const list = mapOf(await this.#context.api.list(kind, this.#query("0"), this.#end.signal));
    const version = mapOf(list.metadata).resourceVersion;
    if (!Array.isArray(list.items) || typeof version !== "string") {
      throw new NetworkError(`Kubernetes API: /${kind} is no list; check kubernetes_url`);
    }
    this.#target.replace(list.items);
    this.#version = version;
    this.#isListNew = true;
    this.#settleFirst();
    this.#context.logger.debug(`following ${list.items.length} ${kind}`);
  }

  #watch(version: string): Promise<void> {
    const { api } = this.#context;
    return api.watch(this.#target.kind, this.#query(version), (event) => this.#take(event), this.#end.signal);
  }

  #take({ type, object }: WatchEvent): void {
    if (type === "ERROR") {
      const { code, message } = mapOf(object);
      throw new ApiStatusError(Number(code), `Kubernetes API ends the watch of ${this.#target.kind}: ${message}`);
    }
    this.#failures = 0;
    this.#isListNew = false;
    const version = mapOf(mapOf(object).metadata).resourceVersion;
    if (typeof version === "string") this.#version = version;
    if (type === "ADDED" || type === "MODIFIED") this.#target.changed(object);
    else if (type === "DELETED") this.#target.deleted(object);
  }

  /** Notes the failure and gives the milliseconds to wait. */
  #failed(error: Error): number {
    const { logger, retry, count } = this.#context;
    const name = this.#target.kind.replace(/s$/, "");
    this.#failures += 1;
    if (error instanceof ApiStatusError && error.status === GONE) {
      count(`${name}_watch_gone_notices`);
      // A version that is too old is no fault; only a server that says so of its own list has to wait.
      const isFirst = !this.#isListNew;
      this.#version = undefined;
      if (isFirst) {
        logger.info(`the ${name} watch was too far behind (410 Gone): all are listed anew`);
        return 0;
      }
    }
    this.#isListNew = false;
    count(`${name}_watch_failures`);
    const waitMs = Math.min(MAX_WAIT_MS, retry.intervalMs * retry.base ** (this.#failures - 1));
    const level = this.#failures > retry.maxTimes ? "error" : this.#failures === 1 ? "warn" : "info";
    logger[level](`the ${name} watch failed: ${errorMessage(error)}; next try in ${waitMs / 1000} s`);
    return waitMs;
  }

  #query(resourceVersion: string): ListQuery {
    const { fieldSelector } = this.#target;
    return { resourceVersion, ...(fieldSelector !== undefined && { fieldSelector }) };
  }
}
