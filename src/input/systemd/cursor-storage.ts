/**
 * Where the systemd source keeps its place: the file of fluentd's storage plugin `local`, `{"journal":"CURSOR"}`, so that
 * each takes over from the other. Source: fluentd 1.18 plugin/storage_local.rb.
 */

import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bool, enumeration, string, time } from "../../config/literals.ts";
import { type ConfigOf, section } from "../../config/parameters.ts";
import { ConfigError, errorMessage, type SourcePosition } from "../../errors.ts";

export const storageTable = section({
  "@type": enumeration("local").default("Only local: a JSON file.", "local"),
  path: string.optional("The file (`….json`), or the folder of it. Else it lies in root_dir; else nowhere."),
  mode: string.default("Access mode of the file, octal.", "0644"),
  dir_mode: string.default("Access mode of new folders, octal.", "0755"),
  pretty_print: bool.default("Indent the JSON.", false),
  persistent: bool.default("Write after each batch of entries, not only now and then.", false),
  autosave: bool.default("Write now and then.", true),
  autosave_interval: time.default("How often.", 10),
  save_at_shutdown: bool.default("Write at the stop.", true),
});

export type StorageConfig = ConfigOf<typeof storageTable>;

export class CursorStorage {
  /** undefined: in memory only. */
  readonly path: string | undefined;
  readonly #config: StorageConfig;
  /** Whatever else the file holds stays in it. */
  #content: Record<string, unknown> = {};
  #isSaved = true;

  /** `ownFolder`: the plugin's folder within root_dir, where it has one. */
  constructor(config: StorageConfig, ownFolder: string | undefined) {
    this.#config = config;
    this.path = pathOf(config, ownFolder);
    if (config.persistent && this.path === undefined) {
      throw new ConfigError(
        "Plugin @id or path for <storage> required when 'persistent' is true",
        config.element.position,
      );
    }
  }

  get cursor(): string | undefined {
    const { journal } = this.#content;
    return typeof journal === "string" ? journal : undefined;
  }

  set cursor(cursor: string) {
    if (cursor === this.cursor) return;
    this.#content = { ...this.#content, journal: cursor };
    this.#isSaved = false;
  }

  /** Reads the file where there is one. Throws ConfigError when it holds something else. */
  load(): void {
    if (this.path === undefined) return;
    const position = this.#config.element.parameter("path")?.position ?? this.#config.element.position;
    let text: string;
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: Number.parseInt(this.#config.dirMode, 8) });
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw new ConfigError(`the storage ${this.path} cannot be read: ${errorMessage(error)}`, position, {
        cause: error,
      });
    }
    if (text !== "") this.#content = contentOf(text, this.path, position);
  }

  /** Writes the file anew, if the cursor has moved. Throws the system's error. */
  save(): void {
    if (this.path === undefined || this.#isSaved) return;
    const temporary = `${this.path}.tmp`;
    const text = JSON.stringify(this.#content, undefined, this.#config.prettyPrint ? 2 : undefined);
    writeFileSync(temporary, text, { mode: Number.parseInt(this.#config.mode, 8), flush: true });
    renameSync(temporary, this.path);
    this.#isSaved = true;
  }
}

function pathOf({ path, argument }: StorageConfig, ownFolder: string | undefined): string | undefined {
  if (path !== undefined) {
    const stat = statSync(path, { throwIfNoEntry: false });
    const isFile = stat ? !stat.isDirectory() : path.endsWith(".json");
    return isFile ? path : join(path, "worker0", "storage.json");
  }
  return ownFolder && join(ownFolder, argument === "" ? "storage.json" : `storage.${argument}.json`);
}

function contentOf(text: string, path: string, position: SourcePosition): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = undefined;
  }
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return { ...content };
  throw new ConfigError(`the storage ${path} holds no JSON object: move it away to begin anew`, position);
}
