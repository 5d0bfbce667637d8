import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../../src/clock.ts";
import { MalformedError } from "../../../src/errors.ts";
import { ByteWriter } from "../../../src/event/byte-writer.ts";
import { walkEntries } from "../../../src/event/walker.ts";
import { createParser } from "../../../src/parser/parser-list.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parseSection } from "../../support/parser-oracle.ts";

const SECTIONS = [
  "@type apache",
  "@type apache2",
  "@type apache_error",
  "@type cri",
  "@type cri\n<parse>\n@type json\n</parse>",
  "@type csv\nkeys a,b",
  "@type csv\nkeys a,b\nparser_engine fast",
  "@type json",
  "@type json\ntypes a:integer,b:time\nnull_empty_string true",
  "@type kubernetes",
  "@type ltsv",
  "@type msgpack",
  "@type multi_format\n<pattern>\nformat json\n</pattern>\n<pattern>\nformat ltsv\n</pattern>",
  "@type multiline\nformat1 /^(?<a>.*)$/",
  "@type nginx",
  "@type none",
  "@type /^(?<time>[^ ]*) (?<rest>.*)$/",
  "@type syslog\nmessage_format auto\nwith_priority true",
  "@type syslog\nmessage_format auto\nparser_engine string",
  "@type tsv\nkeys a,b",
];

const pieces = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      "2024-01-02T03:04:05.5Z ",
      "stdout F ",
      '{"a":',
      '"b"',
      "}",
      "[",
      "]",
      "<13>",
      "1 ",
      "Feb 28 12:00:00 ",
      ":",
      "\t",
      ",",
      '"',
      "\n",
      "\x82\xa1a\x01",
    )
    .map((text) => Buffer.from(text, "latin1")),
);
const texts = fc.array(pieces, { maxLength: 8 }).map((parts) => Buffer.concat(parts));

for (const section of SECTIONS) {
  for (const encoding of ["binary", "utf-8"] as const) {
    test(`any bytes make whole entries, no match, or MalformedError: ${section} (${encoding})`, () => {
      const parser = createParser(parseSection(section), { clock: systemClock, logger: new MemoryLog(), encoding });
      fc.assert(
        fc.property(texts, (text) => {
          const target = { writer: new ByteWriter(), size: 0 };
          try {
            parser.parse(text, 0, text.length, target);
          } catch (error) {
            assert.ok(error instanceof MalformedError, String(error));
            assert.equal(target.writer.length, 0, "what was written before the throw is cut off");
          }
          const bytes = target.writer.take();
          const { count, end } = walkEntries(bytes, 0, bytes.length);
          assert.deepEqual({ count, end }, { count: target.size, end: bytes.length });
        }),
        { numRuns: 150 },
      );
    });
  }
}
