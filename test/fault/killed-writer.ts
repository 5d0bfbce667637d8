/**
 * A process that emits numbered events into a file buffer until it is killed, and prints each number once it is acked.
 *   node killed-writer.js FOLDER text|gzip
 */
import { eventsOf } from "../unit/buffer/buffer-fixture.ts";
import { createOutput } from "../unit/output/output-fixture.ts";

const [path = "", compress = "text"] = process.argv.slice(2);
const { output, writer } = createOutput({
  buffer: { "@type": "file", path, compress, flush_mode: "lazy", chunk_limit_records: "500" },
});
writer.behave = () => new Promise(() => {}); // The receiver is away.
await output.start();

let next = 1;
for (;;) {
  const batches = ["t.a", "t.b", "t.c"].map((tag) => {
    const messages = Array.from({ length: 1 + (next % 17) }, () => next++);
    return output.emit(tag, eventsOf(...messages)).then(() => messages);
  });
  for (const messages of await Promise.all(batches)) process.stdout.write(`${messages.join("\n")}\n`);
}
