/** The patterns that `%{NAME}` may name: Suiro's own, and those of the configuration's files over them. */

import { join } from "node:path";
import { systemFiles } from "../../config/files.ts";
import { BASE_PATTERNS } from "./base-patterns.ts";
import { ECS_PATTERNS } from "./ecs-patterns.ts";
import { type PatternLibrary, readPatterns } from "./grok-pattern.ts";
import { LEGACY_PATTERNS } from "./legacy-patterns.ts";

export const PATTERN_SERIES = ["legacy", "ecs-v1"] as const;
export type PatternSeries = (typeof PATTERN_SERIES)[number];

/** With the patterns of the file `customPath`, or of every file in that folder. Throws the system's error. */
export function patternLibrary(series: PatternSeries, customPath: string | undefined): PatternLibrary {
  const library = new Map<string, string>();
  readPatterns(BASE_PATTERNS, library);
  readPatterns(series === "legacy" ? LEGACY_PATTERNS : ECS_PATTERNS, library);
  if (customPath !== undefined) {
    for (const file of patternFiles(customPath)) readPatterns(systemFiles.read(file), library);
  }
  return library;
}

function patternFiles(path: string): string[] {
  if (systemFiles.kind(path) !== "folder") return [path];
  return systemFiles
    .names(path)
    .filter((name) => !name.startsWith("."))
    .map((name) => join(path, name))
    .filter((file) => systemFiles.kind(file) === "file");
}
