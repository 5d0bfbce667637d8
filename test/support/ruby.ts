/** Runs Ruby with the real fluentd's libraries, to ask them what they make of the same input. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fluentdEnvironment } from "./fluentd.ts";

const home = process.env.SUIRO_TEST_FLUENTD;

/**
 * Runs `script` with `input` as the parsed JSON in `input`; gives the parsed JSON that it leaves in `output`. Zone: UTC
 * unless `timeZone` says otherwise.
 */
export function askRuby(script: string, input: unknown, timeZone = "UTC"): any {
  const folder = mkdtempSync(join(tmpdir(), "suiro-ruby-"));
  try {
    const file = join(folder, "script.rb");
    writeFileSync(join(folder, "input.json"), JSON.stringify(input));
    writeFileSync(
      file,
      `require "json"\ninput = JSON.parse(File.read(ARGV[0]))\n${script}\nputs JSON.generate(output)\n`,
    );
    const library = join(home as string, "gems", "fluentd-1.18.0", "lib");
    const answer = execFileSync("ruby", ["-I", library, file, join(folder, "input.json")], {
      encoding: "utf8",
      env: { ...fluentdEnvironment(), TZ: timeZone },
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(answer.slice(answer.lastIndexOf("\n", answer.length - 2) + 1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
