/**
 * Runs a soak and reports. Exit code 0 when it held what the agent promises.
 *   node main.js [--faults N] [--minutes M] [--seed S] [--receiver suiro|fluentd] [--ack-after MODE] [--once]
 *
 * `--once`: what arrives twice is a failure, too. As root on Linux the agent's buffer gets a small file system of its own,
 * in a mount namespace that ends with the soak, so that it can be filled; elsewhere that fault is left out.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { Soak } from "./soak.ts";

const MARK = "SUIRO_SOAK_NAMESPACE";
const BUFFER_BYTES = 24 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "120" },
    minutes: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    receiver: { type: "string", default: "suiro" },
    "ack-after": { type: "string", default: "synced" },
    once: { type: "boolean", default: false },
  },
});

// What ends this process ends its children: `temporaryFolder` and `ChildProgram` clean up when it exits.
process.once("SIGTERM", () => process.exit(1));

if (process.env[MARK] === undefined && spawnSync("unshare", ["--mount", "true"]).status === 0) {
  const args = ["--mount", process.execPath, ...process.argv.slice(1), "--seed", values.seed];
  const inside = spawn("unshare", args, { stdio: "inherit", env: { ...process.env, [MARK]: "1" } });
  process.once("exit", () => inside.kill());
  const [status] = await once(inside, "close");
  process.exit(status ?? 1);
}

const folder = temporaryFolder();
const buffer = join(folder, "buffer");
mkdirSync(buffer);
const mount = ["-t", "tmpfs", "-o", `size=${BUFFER_BYTES}`, "tmpfs", buffer];
const canFill = process.env[MARK] !== undefined && spawnSync("mount", mount).status === 0;
const seed = Number(values.seed);
const receiver = values.receiver === "fluentd" ? "fluentd" : "suiro";
console.log(
  `seed ${seed}, ${values.faults} faults, receiver ${receiver}, ack_after ${values["ack-after"]}${canFill ? "" : ", without a full disk"}`,
);
try {
  const result = await Soak.run({
    seed,
    faults: Number(values.faults),
    untilMs: Date.now() + Number(values.minutes) * 60_000,
    receiver,
    ackAfter: values["ack-after"],
    folder,
    canFill,
    tell: (text) => console.log(text),
  });
  const { struck, sent, lines, missing, twice } = result;
  const total = Object.values(struck).reduce((sum, count) => sum + count, 0);
  console.log(`${total} faults: ${JSON.stringify(struck)}`);
  console.log(`${sent} events acked, ${lines} lines written, ${missing.length} missing, ${twice.length} twice`);
  if (twice.length > 0) console.log(`twice: ${twice.slice(0, 100).join(", ")}`);
  const hasFailed = missing.length > 0 || (values.once && twice.length > 0);
  if (hasFailed) {
    console.log(`missing: ${missing.slice(0, 100).join(", ")}`);
    console.log(
      `failed; again with: npm run soak -- --seed ${seed} --faults ${values.faults} --receiver ${receiver} --ack-after ${values["ack-after"]}`,
    );
  } else console.log("held");
  process.exitCode = hasFailed ? 1 : 0;
} catch (error) {
  console.log(`failed with seed ${seed}: ${(error as Error).stack}`);
  process.exitCode = 1;
}
if (canFill) spawnSync("umount", ["--lazy", buffer]);
