/**
 * CPU of parsers per line, from the bytes of a block to msgpack, without files: `node build/bench/parsing.js [PART] [SECONDS]`.
 */

import { systemClock } from "../src/clock.ts";
import { ByteWriter } from "../src/event/byte-writer.ts";
import { silentLogger } from "../src/logger.ts";
import { createParser } from "../src/parser/parser-list.ts";
import { parsedElement } from "../test/support/parsed-config.ts";

interface Case {
  readonly name: string;
  readonly section: string;
  readonly line: (index: number) => string;
}

const LINES = 2000;
const [part = "", secondsText = "1"] = process.argv.slice(2);

/** A millisecond from line to line: about half a second of log in a block. */
const time = (index: number) =>
  new Date(1_764_000_000_000 + index).toISOString().replace("Z", `${String((index * 7919) % 1e6).padStart(6, "0")}`);
/** Lines of programs that log now and then: every one has a second of its own. */
const rareTime = (index: number) => time(index * 1733);
const request = (index: number) =>
  `10.8.${index % 256}.7 "GET /api/v1/orders/${index} HTTP/1.1" 200 ${(index * 613) % 50_000} "okhttp/4.12.0" checkout`;
const accessLine = (index: number) =>
  `10.8.${index % 256}.7 - - [24/Nov/2025:16:${10 + (index % 50)}:${10 + (index % 49)} +0000] "GET /api/v1/orders/${index} HTTP/1.1" 200 ${(index * 613) % 50_000} "-" "okhttp/4.12.0"`;
const containerLine = "/^(?<time>.+) (?<stream>stdout|stderr)( (?<logtag>.))? (?<log>.*)$/";

const cases: readonly Case[] = [
  { name: "cri", section: "@type cri", line: (n) => `${time(n)}Z stdout F ${request(n)}` },
  { name: "cri, another second each", section: "@type cri", line: (n) => `${rareTime(n)}Z stdout F ${request(n)}` },
  {
    name: "cri %N%:z",
    section: "@type cri\ntime_format %Y-%m-%dT%H:%M:%S.%N%:z",
    line: (n) => `${time(n)}+09:00 stdout F ${request(n)}`,
  },
  {
    name: "json of Docker",
    section: "@type json\ntime_format %Y-%m-%dT%H:%M:%S.%NZ",
    line: (n) => JSON.stringify({ log: `${request(n)}\n`, stream: "stdout", time: `${time(n)}Z` }),
  },
  {
    name: "json, no time, ten fields",
    section: "@type json",
    line: (n) =>
      JSON.stringify({
        level: 30,
        pid: 17,
        hostname: "web",
        req: { method: "GET", url: `/${n}` },
        ms: 1.5,
        ok: true,
        n,
        msg: request(n),
      }),
  },
  {
    name: "regexp of the DaemonSet",
    section: `@type regexp\nexpression ${containerLine}\ntime_format %Y-%m-%dT%H:%M:%S.%N%:z`,
    line: (n) => `${time(n)}+00:00 stdout F ${request(n)}`,
  },
  { name: "apache2", section: "@type apache2", line: accessLine },
  { name: "nginx", section: "@type nginx", line: accessLine },
  {
    name: "kubernetes",
    section: "@type kubernetes",
    line: (n) => `I1124 16:00:${10 + (n % 50)}.${100_000 + n}    1234 kubelet.go:12] ${request(n)}`,
  },
  {
    name: "syslog",
    section: "@type syslog",
    line: (n) => `Nov 24 16:${10 + (n % 50)}:00 web sshd[${n}]: ${request(n)}`,
  },
  {
    name: "ltsv",
    section: "@type ltsv",
    line: (n) => `time:${time(n)}Z\tstatus:200\tsize:${n}\trequest:${request(n)}`,
  },
  { name: "none", section: "@type none", line: request },
];

for (const each of cases.filter(({ name }) => name.includes(part))) measure(each);

function measure({ name, section, line }: Case): void {
  const source = parsedElement(`<source>\n<parse>\n${section}\n</parse>\n</source>\n`);
  const parser = createParser(source, { clock: systemClock, logger: silentLogger });
  const block = Buffer.from(Array.from({ length: LINES }, (_, index) => `${line(index)}\n`).join(""));
  const writer = new ByteWriter(block.length * 2);
  const parseBlock = () => {
    writer.truncate(0);
    const target = { writer, size: 0 };
    for (let start = 0, end = 0; start < block.length; start = end + 1) {
      end = block.indexOf(0x0a, start);
      if (!parser.parse(block, start, end, target))
        throw new Error(`${name}: no match: ${block.toString("utf8", start, end)}`);
    }
    return target.size;
  };
  const warmUntil = performance.now() + 300;
  while (performance.now() < warmUntil) parseBlock();
  const until = performance.now() + Number(secondsText) * 1000;
  const before = process.cpuUsage();
  let lines = 0;
  while (performance.now() < until) lines += parseBlock();
  const { user, system } = process.cpuUsage(before);
  console.log(
    `${name.padEnd(28)} ${((user + system) / lines).toFixed(3)} µs/line of ${Math.round(block.length / LINES)} bytes`,
  );
}
