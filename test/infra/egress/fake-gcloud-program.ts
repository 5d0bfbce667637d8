/** The fake gcloud as a program, for callers that are processes. FAKE_GCLOUD_FOLDER is its folder. */

import { fakeGcloud, Refusal } from "./fake-gcloud.ts";

try {
  const { stdout, kills } = fakeGcloud(process.argv.slice(2), process.env.FAKE_GCLOUD_FOLDER ?? ".");
  process.stdout.write(stdout);
  if (kills) process.kill(process.ppid, "SIGKILL");
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(error.message);
  process.exitCode = error.code;
}
