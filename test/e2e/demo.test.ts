/** What `npm start` promises. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ChildProgram } from "../support/child-program.ts";
import { eventually } from "../support/eventually.ts";
import { suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("the line that the demo prints sends an event, which is seen to arrive; Ctrl-C ends it", async (context) => {
  const path = temporaryFolder();
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.on("listening", resolve));
  context.after(() => taken.close());
  const { port } = taken.address() as { port: number };

  const demo = ChildProgram.start(process.execPath, [suiroEntry, "demo", "--port", String(port), "--path", path]);
  context.after(() => demo.stop("SIGKILL"));
  await demo.waitFor("Ctrl-C stops both.");
  assert.match(demo.output, new RegExp(`Port ${port} is taken`));
  const line = /^ {2}(echo .+)$/m.exec(demo.output)?.[1] as string;
  const cat = ChildProgram.start("sh", ["-c", line]);
  assert.equal(await cat.exited, 0, cat.output);
  await demo.waitFor(/demo\.hello.*"message":"hello"/);
  const received = join(path, "received.log");
  await eventually(() => existsSync(received) && readFileSync(received, "utf8").includes("hello"));
  assert.equal(await demo.stop("SIGINT"), 0, demo.output);
  assert.match(demo.output, /Stopped\.\n$/);
});
