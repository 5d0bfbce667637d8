/**
 * Reads files again when they change: certificates, keys. Looks every second, since a look costs microseconds and always
 * tells the truth, also where a file is reached through links that are swapped, as Kubernetes mounts Secrets.
 *
 * A change must have stood for one look before it is taken, so that files that belong together, or one that is being
 * written, are seen whole. What cannot be used is logged once, and what was read before stays in use.
 */

import { statSync } from "node:fs";
import type { CancelTimer, Clock } from "./clock.ts";
import { errorMessage } from "./errors.ts";
import type { Logger } from "./logger.ts";

export const RELOAD_INTERVAL_MS = 1000;

export interface FileReloadOptions {
  /** Files that are read as one. */
  readonly paths: readonly string[];
  /** What they hold, for the log: `certificates`. */
  readonly what: string;
  /** Reads the files and puts what they hold to use, or throws and changes nothing. */
  reload(): void | Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Looks until `stop` is called. What the files held when this is called is taken as known. */
export function reloadOnChange(options: FileReloadOptions): { stop: CancelTimer } {
  const { paths, what, reload, clock, logger } = options;
  if (paths.length === 0) return { stop: () => {} };
  let used = fingerprint(paths);
  let lastSeen = used;
  let isReloading = false;
  const look = async () => {
    const seen = fingerprint(paths);
    const isStanding = seen === lastSeen;
    lastSeen = seen;
    if (!isStanding || seen === used || isReloading) return;
    used = seen;
    isReloading = true;
    try {
      await reload();
      logger.info(`${what} were read again`, { paths });
    } catch (error) {
      logger.error(`${what} cannot be used, those from before stay in use: ${errorMessage(error)}`, { paths });
    }
    isReloading = false;
  };
  return { stop: clock.every(RELOAD_INTERVAL_MS, () => void look()) };
}

/** Differs when any of the files was written, replaced, or is reached through another link. */
function fingerprint(paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
        return [dev, ino, size, mtimeNs, ctimeNs].join(":");
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? "unknown";
      }
    })
    .join(" ");
}
