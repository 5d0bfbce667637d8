/** A place in a configuration text: scans patterns from there, knows its line, and words errors with the line itself. */

import { ConfigError, type SourcePosition } from "../errors.ts";

/** Most signs of a line that an error shows around its place. */
const SAMPLE_WIDTH = 100;

/** Keys whose values an error never shows. */
const SECRET_KEY = /pass|secret|shared_key|token|credential|api_?key|access_key|license_key|sec_key|private_key/i;

export class TextScanner {
  readonly text: string;
  readonly file: string;
  offset = 0;
  private knownOffset = 0;
  private knownLine = 1;

  constructor(text: string, file: string) {
    // A carriage return before a line feed says nothing; without it every rule below has one line end.
    this.text = text.replaceAll("\r\n", "\n");
    this.file = file;
  }

  get atEnd(): boolean {
    return this.offset >= this.text.length;
  }

  /** The sign at the place, "" at the end. */
  get next(): string {
    return this.text[this.offset] ?? "";
  }

  startsWith(part: string): boolean {
    return this.text.startsWith(part, this.offset);
  }

  /** Moves behind what the sticky `pattern` matches here; gives it, or undefined and stays. */
  scan(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.offset += found.length;
    return found;
  }

  position(offset = this.offset): SourcePosition {
    if (offset < this.knownOffset) {
      this.knownOffset = 0;
      this.knownLine = 1;
    }
    for (;;) {
      const lineEnd = this.text.indexOf("\n", this.knownOffset);
      if (lineEnd < 0 || lineEnd >= offset) break;
      this.knownOffset = lineEnd + 1;
      this.knownLine++;
    }
    return { file: this.file, line: this.knownLine };
  }

  /** Whether the line at `offset` sets a parameter whose value is a secret. */
  isSecret(offset = this.offset): boolean {
    return SECRET_KEY.test(/^[ \t]*(\S*)/.exec(this.line(offset).text)?.[1] ?? "");
  }

  /** An error at `offset`, with the line and a caret below the place. Values of secrets are left out. */
  error(message: string, offset = this.offset): ConfigError {
    const { text, start } = this.line(offset);
    if (text.trim() === "" || this.isSecret(offset)) return new ConfigError(message, this.position(offset));
    const column = Math.min(offset - start, text.length);
    const cut = Math.max(0, column - SAMPLE_WIDTH / 2);
    const sample = text.slice(cut, cut + SAMPLE_WIDTH);
    const caret = sample.slice(0, column - cut).replace(/[^\t]/g, " ");
    return new ConfigError(`${message}\n  ${sample}\n  ${caret}^`, this.position(offset));
  }

  private line(offset: number): { text: string; start: number } {
    const start = offset === 0 ? 0 : this.text.lastIndexOf("\n", offset - 1) + 1;
    const end = this.text.indexOf("\n", start);
    return { text: this.text.slice(start, end < 0 ? undefined : end), start };
  }
}
