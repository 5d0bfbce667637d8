/** Source: fluentd 1.18 in_tail.rb `configure_tag` and `TailWatcher#tag`; COMPAT 5.2. */

/**
 * The tag of each file. A `*` in `tag` becomes the path with `/` as `.`, dots squeezed and the first one left out; what
 * stands behind a second `*` is dropped, with it, as Ruby's `split` into two names does.
 */
export class TagTemplate {
  readonly #prefix: string;
  readonly #suffix: string | undefined;

  constructor(tag: string) {
    const [prefix = "", suffix = ""] = tag.split("*");
    this.#prefix = prefix;
    this.#suffix = tag.includes("*") ? suffix : undefined;
  }

  tagOf(path: string): string {
    if (this.#suffix === undefined) return this.#prefix;
    return (
      this.#prefix +
      path
        .replaceAll("/", ".")
        .replace(/\.{2,}/g, ".")
        .replace(/^\./, "") +
      this.#suffix
    );
  }
}
