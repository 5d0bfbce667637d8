/**
 * The shared keys that are valid at the moment: the one of the configuration, and those of a file that may change, one a
 * line. While keys are rotated several are valid: whoever knows one of them is in.
 */

import { readFileSync } from "node:fs";
import { ConfigError, errorMessage, type SourcePosition } from "../errors.ts";

const MAX_FILE_BYTES = 64 * 1024;
/** Each is tried for every peer that logs in. */
const MAX_KEYS = 16;

export class SharedKeys {
  readonly path: string | undefined;
  readonly #given: readonly string[];
  readonly #position: SourcePosition;
  #all: readonly string[];

  /** `given` is `shared_key`, `path` is `shared_key_path`. Throws ConfigError when there is no key at all. */
  constructor(given: string | undefined, path: string | undefined, position: SourcePosition) {
    if (given === "") throw new ConfigError("'shared_key' must not be empty: everybody would know it", position);
    if (given === undefined && path === undefined) {
      throw new ConfigError("'shared_key' parameter is required, in section security (or 'shared_key_path')", position);
    }
    this.path = path;
    this.#given = given === undefined ? [] : [given];
    this.#position = position;
    this.#all = this.#read();
  }

  /** At least one; those of the file first. */
  get all(): readonly string[] {
    return this.#all;
  }

  /** What this side proves itself with: the file's first, else the configuration's. */
  get current(): string {
    return this.#all[0] as string;
  }

  /** Reads the file again. Throws ConfigError, and the keys stay as they were. */
  reload(): void {
    this.#all = this.#read();
  }

  #read(): readonly string[] {
    if (this.path === undefined) return this.#given;
    const keys = this.#lines(this.path);
    if (keys.length === 0) throw this.#error("has no key; write one into it, or one a line while keys are rotated");
    if (keys.length > MAX_KEYS) throw this.#error(`has ${keys.length} keys, and ${MAX_KEYS} are the most`);
    return [...keys, ...this.#given];
  }

  #lines(path: string): string[] {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      throw this.#error(`cannot be read: ${errorMessage(cause)}`, cause);
    }
    if (text.length > MAX_FILE_BYTES) throw this.#error(`is larger than ${MAX_FILE_BYTES} bytes`);
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  #error(reason: string, cause?: unknown): ConfigError {
    return new ConfigError(`shared_key_path: ${this.path} ${reason}`, this.#position, { cause });
  }
}
