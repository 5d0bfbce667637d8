// Runs the soak: an agent under load and everything that goes wrong in the field, in an order that the seed decides.
//   node scripts/soak.mjs [--faults N] [--minutes M] [--seed S] [--receiver suiro|fluentd] [--ack-after MODE] [--once]
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installFluentd } from "./fluentd.mjs";

const environment = { ...process.env };
if (process.argv.includes("fluentd")) {
  const { home, reason } = installFluentd();
  if (!home) {
    console.error(`The receiver cannot be fluentd: ${reason}.`);
    process.exit(1);
  }
  environment.SUIRO_TEST_FLUENTD = home;
}
const program = join(dirname(fileURLToPath(import.meta.url)), "..", "build", "test", "soak", "main.js");
const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: environment,
});
process.exit(status ?? 1);
