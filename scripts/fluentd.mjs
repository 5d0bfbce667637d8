// Puts the fluentd gem into .fluentd/ of this project, once, where Ruby is present. Prints the command's path.
//   node scripts/fluentd.mjs
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The version that Suiro is compared with: the newest that Ruby 3.1 runs. */
const VERSION = "1.18.0";

/** Plugins that fluentd's container images have, and that Suiro brings by itself. */
const PLUGINS = [
  "fluent-plugin-concat:2.6.2",
  "fluent-plugin-detect-exceptions:0.0.16",
  "fluent-plugin-grok-parser:2.6.3",
  "fluent-plugin-json-in-json-2:1.0.2",
  "fluent-plugin-kubernetes_metadata_filter:3.7.1",
  "fluent-plugin-multi-format-parser:1.1.0",
  "fluent-plugin-parser-cri:0.1.1",
  "fluent-plugin-prometheus:2.3.0",
  "fluent-plugin-record-modifier:2.2.1",
  "fluent-plugin-rewrite-tag-filter:2.4.1",
];

const home = join(dirname(fileURLToPath(import.meta.url)), "..", ".fluentd");

/** Installs what is missing of fluentd and `plugins`; gives their folder, or the reason why there is none. */
export function installFluentd(plugins = PLUGINS) {
  const missing = [`fluentd:${VERSION}`, ...plugins].filter(
    (gem) => !existsSync(join(home, "specifications", `${gem.replace(":", "-")}.gemspec`)),
  );
  if (missing.length === 0) return { home };
  const ruby = spawnSync("ruby", ["--version"], { encoding: "utf8" });
  if (ruby.status !== 0) return { reason: "Ruby is not installed" };
  console.error(`Installing ${missing.join(", ")} into .fluentd/ …`);
  const gem = spawnSync("gem", ["install", "--no-document", "--conservative", "--install-dir", home, ...missing], {
    encoding: "utf8",
    // What is there already serves: a plugin must not bring a newer fluentd.
    env: { ...process.env, GEM_PATH: home },
  });
  if (gem.status !== 0) return { reason: `gem install failed: ${gem.stderr.trim().split("\n").pop()}` };
  return { home };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { home: folder, reason } = installFluentd();
  console.log(folder ? join(folder, "bin", "fluentd") : reason);
  process.exit(folder ? 0 : 1);
}
