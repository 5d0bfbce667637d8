/**
 * Receivers from a file that is watched: by notification, and by looking every 3 seconds where none comes (network file
 * systems, ConfigMaps that are replaced by a link).
 * Source: fluentd 1.18 sd_file.rb.
 */

import { readFile } from "node:fs/promises";
import type { CancelTimer, Clock } from "../../clock.ts";
import { string } from "../../config/literals.ts";
import { type ConfigOf, section } from "../../config/parameters.ts";
import { ConfigError, errorMessage } from "../../errors.ts";
import { FileHints } from "../../file-hints.ts";
import type { Logger } from "../../logger.ts";
import type { Service } from "./service.ts";
import { parseServiceList } from "./service-list.ts";

const POLL_MS = 3000;
const MAX_FILE_BYTES = 1024 * 1024;

export const fileDiscoveryTable = section({
  path: string.default("The file: JSON or YAML, a list of maps with the keys of <server>.", "/etc/fluent/sd.yaml"),
  conf_encoding: string.default("Encoding of the file.", "utf-8"),
});

export class ServiceDiscoveryFile {
  readonly #path: string;
  readonly #decoder: { decode(bytes: Buffer): string };
  readonly #config: ConfigOf<typeof fileDiscoveryTable>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #text = "";
  #hints: FileHints | undefined;
  #cancelPoll: CancelTimer = () => {};

  /** Throws ConfigError for an encoding that is not known. */
  constructor(config: ConfigOf<typeof fileDiscoveryTable>, context: { clock: Clock; logger: Logger }) {
    this.#config = config;
    this.#path = config.path;
    this.#clock = context.clock;
    this.#logger = context.logger;
    try {
      this.#decoder = new TextDecoder(config.confEncoding);
    } catch {
      throw new ConfigError(`conf_encoding: unknown encoding ${config.confEncoding}`, config.element.position);
    }
  }

  /** Rejects with ConfigError when the file is absent or wrong. */
  async start(onChange: (services: readonly Service[]) => void): Promise<readonly Service[]> {
    const services = await this.#read().catch((cause) => {
      const reason = cause.code === "ENOENT" ? "not found" : errorMessage(cause);
      throw new ConfigError(`sd_file: path=${this.#path} ${reason}`, this.#config.element.position, { cause });
    });
    const look = () => void this.#look(onChange);
    const onError = (error: unknown) => this.#logger.debug("sd_file: cannot watch", { error });
    this.#hints = await FileHints.watch([this.#path], look, onError);
    this.#cancelPoll = this.#clock.every(POLL_MS, look);
    return services ?? [];
  }

  async stop(): Promise<void> {
    this.#cancelPoll();
    await this.#hints?.close();
  }

  async #look(onChange: (services: readonly Service[]) => void): Promise<void> {
    try {
      const services = await this.#read();
      if (services) onChange(services);
    } catch (error) {
      this.#logger.error(`sd_file: ${errorMessage(error)}`, { path: this.#path });
    }
  }

  /**
   * The list, or undefined when the text is as it was, or blank: then it is just being written. A text that cannot be
   * understood is complained of once.
   */
  async #read(): Promise<Service[] | undefined> {
    const bytes = await readFile(this.#path);
    if (bytes.length > MAX_FILE_BYTES) throw new Error(`the file is larger than ${MAX_FILE_BYTES} bytes`);
    const text = this.#decoder.decode(bytes);
    if (text === this.#text || text.trim() === "") return undefined;
    this.#text = text;
    return parseServiceList(text);
  }
}
