/** `@include`: which files a line means. Source: fluentd 1.18 config/v1_parser.rb `eval_include`. */

import { dirname, resolve } from "node:path";
import { type ConfigFiles, findFiles } from "./files.ts";

/** Deepest chain of files that include one another. */
export const MAX_INCLUDE_DEPTH = 32;

/**
 * The files that `uri` means within `file`: relative to its folder, patterns sorted. A file that does not exist is no
 * error: configurations switch parts off by naming one. Throws Error with the reason only.
 */
export function includedFiles(uri: string, file: string, files: ConfigFiles): string[] {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]+):/.exec(uri)?.[1];
  if (scheme !== undefined && scheme !== "file") {
    throw new Error(`@include of ${scheme}: is not supported: fetch the file beforehand and include its path`);
  }
  const path = decode(uri.replace(/^file:(?:\/\/)?/, ""));
  return findFiles(resolve(dirname(file), path), files);
}

/** `%20` is a blank; a percent sign that encodes nothing is itself. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
