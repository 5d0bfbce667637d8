/** Every grok pattern finds in every text what the pattern of this name finds in fluentd's plugin. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BASE_PATTERNS } from "../../src/parser/grok/base-patterns.ts";
import { ECS_PATTERNS } from "../../src/parser/grok/ecs-patterns.ts";
import { readPatterns } from "../../src/parser/grok/grok-pattern.ts";
import { LEGACY_PATTERNS } from "../../src/parser/grok/legacy-patterns.ts";
import { PATTERN_SERIES } from "../../src/parser/grok/pattern-library.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { differentAnswers, type ParserCase } from "../support/parser-oracle.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Letters, numbers, addresses and times as they are, and as they nearly are. */
const WORDS = [
  "", " ", "word", "two words", "under_score", "12", "-12", "+1.5", ".5", "1.", "1.2.3", "0x1F", "0x1f.8", "ab.cd", "007", "0",
  "12abc", "x12", "-a", "é", "naïve 日本", "a\tb", "x\ny", "'one' 'two'", '"a \\" b" c', '"', "`t`", "''", '""x', "\\'a'", "\\\\",
  "f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-4372-a567-0e02b2c3d47", "urn:isbn:0451450523", "urn:x-y:a%20b;c",
  "00:1a:2B:3c:4d:5e", "00-1a-2B-3c-4d-5e", "001a.2b3c.4d5e", "00:1a:2B:3c:4d",
  "10.0.0.1", "256.1.1.1", "1.2.3.4.5", "01.02.03.004", "999.10.20.30", "10.0.0.1:80", "host:80", "host:080", "a.b-c.example.com.", "-x.y", "a..b",
  "::1", "::", "fe80::1%eth0", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1::8", "1:2::7:8", "1:2:3::5:6:7:8", "::ffff:1.2.3.4",
  "1:2:3:4:5:6:1.2.3.4", "1:2:3:4::1.2.3.4", "1:2:3:4:5::1.2.3.4", "1::3:4:5:1.2.3.4", "1:2:3:4:5:6:7:8:9", "12345::", "g::1", "2001:db8::ff00:42:8329",
  "/", "/var/log/a b.log", "/tmp/x~1/é", "C:\\dir\\file.txt", "\\\\host\\share", "/dev/pts/3", "/dev/tty7", "/dev/ttyS0", "/dev/ttyp4x/9",
  "http://user:pw@example.com:8080/a/b?c=d&e=f#g", "ftp://h", "x://[::1]/", "mailto:a@b.c", "a.b+c@example.org", "!#$%@h.x", "?q=1&r=%20", "/p?q=[1]|2<3>",
  "Jan", "January", "Januar", "Janx", "Feb", "februar", "March", "mär", "März", "Mai", "may", "Juni", "July", "Okt", "October", "Dez", "dezember", "Sept",
  "1", "01", "00", "13", "31", "32", "9", "Mon", "Monday", "Tues", "Tuesday", "Thurs", "Sun", "Sunda", "24", "99", "2024", "20245", "23:59:60", "3:4:5.678", "24:00",
  "12:34", "12:34:5", "12:34:567", "<12:34", "1/2/2024", "31.12.99", "12-31-2024", "31-12-2024 23:59:59", "Z", "+09:00", "-0330", "+9", "UTC", "PST", "XST",
  "2024-01-02T03:04:05.678Z", "2024-01-02 03:04", "2024-1-2T03:04:05+0900", "20240102030405", "2024-01-02T0304", "24-01-02T03:04:61",
  "Mon Jan 02 2024 03:04:05 UTC", "Mon, 02 Jan 2024 03:04:05 +0900", "Mon Jan 02 03:04:05 UTC 2024", "02/Jan/2024:03:04:05 +0900", "Jan  2 03:04:05", "Jan 02 03:04:05",
  "sshd[123]:", "my-app/web.1[9]", "prog]", "[prog", "<13.4>", "<165.>", "error", "Err", "WARNING", "warn", "Information", "info", "critical", "EMERGENCY", "severe", "notice", "TRACE", "fATAL",
]; // biome-ignore format: a corpus

/** Lines of programs. */
const LINES = [
  "Jan  2 03:04:05 host sshd[123]: Accepted key for root",
  "Jan  2 03:04:05 <13.4> host.example kernel: text",
  "2024-01-02T03:04:05Z host app: text",
  "Jan  2 03:04:05 10.1.2.3 text without a program",
  "Jan  2 03:04:05 host su[9]: pam_unix(su:session): session opened for user root by (uid=0)",
  "Jan  2 03:04:05 host CRON[77]: (root) CMD (run-parts /etc)",
  '<165>1 2024-01-02T03:04:05.003Z host app 123 ID47 [x@1 a="b"] the text',
  "<165>1 - - - - - - text",
  "<1>1 2024-01-02T03:04:05Z h a - - [a][b] x",
  '127.0.0.1 - bob [02/Jan/2024:03:04:05 +0900] "GET /a?b=c HTTP/1.1" 200 2326',
  '127.0.0.1 - bob@x.y [02/Jan/2024:03:04:05 +0900] "GET /a HTTP/1.1" 200 - "http://r/" "Mozilla \\"x\\""',
  '::1 ident - [02/Jan/2024:03:04:05 +0900] "-" 408 0 "-" "-"',
  "[Mon Jan 02 03:04:05 2024] [error] [client 1.2.3.4] File does not exist",
  "[Mon Jan 02 03:04:05.123456 2024] [core:notice] [pid 12:tid 139] AH00094: Command line: '/usr/sbin/apache2'",
  "[Mon Jan 02 03:04:05 2024] [proxy:error] [pid 12] (111)Connection refused: [client 1.2.3.4:555] AH01114: failed",
  "  at com.example.Main$Inner.run(Main.java:42)",
  "at a.B.<init>(Native Method)",
  "AB-Processor12",
  "Jan 02, 2024 03:04:05 AM org.apache.Catalina start it starts",
  "2024-01-02 03:04:05 +09:00 | WARN | org.x.Y - message",
  "I, [2024-01-02T03:04:05.123456 #42]  INFO -- app: text",
  'Started GET "/a/b?c=d" for 1.2.3.4 at 2024-01-02 03:04:05 +0900',
  'Started GET "/a" for 1.2.3.4 at 2024-01-02 03:04:05 +0900\nProcessing by UsersController#show as HTML\n  Parameters: {"id"=>"1"}\nrender\nCompleted 200 OK in 12ms (Views: 3.4ms | ActiveRecord: 5.6ms)',
  "Completed 404 Not Found in 5.5ms (ActiveRecord: 1ms)",
  "[123] 02 Jan 03:04:05 * DB saved",
  '1339518083.107412 [0 127.0.0.1:60866] "keys" "*"',
  "2024-01-02 03:04:05 UTC user db 123",
  "31-12-2024 03:04:05 UTC bob conn 1 77",
  "Jan  2 03:04:05 [conn1] end connection",
  "2024-01-02T03:04:05.678+0900 I NETWORK  [conn12] received client metadata",
  "2024-01-02T03:04:05.678+0900 E -        [main] oops",
  "query db.coll-x query: { a: 1 } ntoreturn:0 ntoskip:0 nscanned:5 keyUpdates:0 nreturned:3 reslen:20 12ms",
  'Jan  2 03:04:05 host haproxy[9]: 1.2.3.4:555 [02/Jan/2024:03:04:05.678] front back/srv 1/2/3/4/10 200 2750 - - ---- 1/2/3/4/0 0/0 {a|b} {c} "GET http://x/y HTTP/1.1"',
  'Jan  2 03:04:05 host haproxy[9]: 1.2.3.4:555 [02/Jan/2024:03:04:05.678] front back/<NOSRV> -1/-1/-1/-1/10 400 187 - - PR-- 1/2/3/4/0 0/0 "<BADREQ>"',
  "Jan  2 03:04:05 host haproxy[9]: 1.2.3.4:555 [02/Jan/2024:03:04:05.678] front back/srv 1/2/10 200 -- 1/2/3/4/0 0/0",
  "1700000000.123   45 1.2.3.4 TCP_MISS/200 1234 GET http://x/ - DIRECT/5.6.7.8 text/html",
  "02-Jan-2024 03:04:05.678 queries: info: client 1.2.3.4#5555 (x.y): query: x.y IN A + (5.6.7.8)",
  "02-Jan-2024 03:04:05.678 queries: info: client @0x7f1 1.2.3.4#5555 (x.y): query: x.y IN AAAA +E(0) (5.6.7.8)",
  "2024-01-02 03:04:05 +09:00 | WARN | org.x.Y - message", "02-Jan-2024 03:04:05.678 INFO [main] org.x.Y.start text", "Jan 02, 2024 03:04:05 AM org.x.Y start INFO: x",
  "1.2.3-SNAPSHOT", "3.*", "10.RELEASE",
  'owner bucket [02/Jan/2024:03:04:05 +0000] 1.2.3.4 req 3E57 REST.GET.OBJECT a/b "GET /a HTTP/1.1" 200 - 113 113 7 5 "-" "S3Console/0.4" -',
  '2024-01-02T03:04:05.678901Z elb 1.2.3.4:555 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://x.y:80/a?b=c HTTP/1.1"',
  '2024-01-02T03:04:05.678901Z elb 1.2.3.4:555 - -1 -1 -1 504 - 0 0 "GET http://x/ HTTP/1.1"',
]; // biome-ignore format: a corpus

/** For patterns of programs' parts: every eighth word. */
const FEW_WORDS = WORDS.filter((_, index) => index % 8 === 0);

function namesIn(patterns: string): string[] {
  const library = new Map<string, string>();
  readPatterns(patterns, library);
  return [...library.keys()];
}

for (const series of PATTERN_SERIES) {
  test(`patterns of the series ${series}`, { skip: withoutFluentd }, () => {
    const base = namesIn(BASE_PATTERNS);
    const own = namesIn(series === "legacy" ? LEGACY_PATTERNS : ECS_PATTERNS);
    const names = series === "legacy" ? [...base, ...own] : own;
    const cases = names.map((name) => {
      const isBase = base.includes(name);
      const whole = isBase ? `<grok>\nname whole\npattern \\A%{${name}:found}\\z\n</grok>` : "";
      const within = `<grok>\nname within\npattern %{${name}:found}\n</grok>`;
      const parse = `@type grok\ngrok_pattern_series ${series}\ngrok_name_key place\n${whole}\n${within}`;
      return { parse, texts: isBase ? WORDS : [...LINES, ...FEW_WORDS] };
    });
    assert.deepEqual(differentAnswers(cases), []);
  });
}

/** Sets that Suiro has not: the plugin's own files serve as custom_pattern_path. */
const OTHER_SETS = [
  "firewalls",
  "nagios",
  "bacula",
  "bro",
  "zeek",
  "exim",
  "junos",
  "mcollective",
  "linux-syslog",
  "rails",
];
const OTHER_LINES = [
  "[1700000000] SERVICE ALERT: host1;svc;CRITICAL;HARD;3;CRITICAL - x",
  "[1700000000] HOST ALERT: h;DOWN;SOFT;1;msg",
  "[1700000000] CURRENT SERVICE STATE: h;s;OK;HARD;1;fine",
  "[1700000000] EXTERNAL COMMAND: SCHEDULE_HOST_DOWNTIME;h;1;2;1;0;3600;bob;c",
  "[1700000000] Warning: x",
  "[1700000000] TIMEPERIOD TRANSITION: a;1;0",
  "02-Jan 03:04 host-dir JobId 12: Start Backup JobId 12, Job=b.2024",
  '02-Jan-2024 03:04 bacula JobId 1: End of medium on Volume "Vol1" Bytes=1,234 Blocks=12 at 02-Jan-2024 03:04.',
  "02-Jan 03:04 h JobId 3: Fatal error: Job canceled because max start delay time exceeded.",
  '02-Jan 03:04 h JobId 3: Using Device "dev"',
  "Jan  2 03:04:05 fw : %ASA-6-302013: Built outbound TCP connection 123 for outside:1.2.3.4/80 (1.2.3.4/80) to inside:10.0.0.1/5555 (10.0.0.1/5555)",
  '%ASA-4-106023: Deny tcp src outside:1.2.3.4/80 dst inside:10.0.0.1/22 by access-group "acl" [0x0, 0x0]',
  "Deny inbound UDP from 1.2.3.4/53 to 10.0.0.1/99 due to DNS Query",
  "Teardown TCP connection 1 for outside:1.2.3.4/80 to inside:10.0.0.1/1 duration 0:00:01 bytes 123 TCP FINs",
  "Jan  2 03:04:05 h kernel: NET:in IN=eth0 OUT= MAC=00:11:22:33:44:55:66:77:88:99:aa:bb:08:00 SRC=1.2.3.4 DST=5.6.7.8 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0",
  "1331901000.000000\tCHEt7z3AzG4gyCNgci\t192.168.202.79\t50465\t192.168.229.251\t80\t1\tHEAD\t192.168.229.251\t/DEASLog02.nsf\t-\tMozilla/5.0\t0\t0\t404\tNot Found\t-\t-\t-\t(empty)\t-\t-\t-\t-\t-\t-\t-",
  "1331901000.000000\tCx\t1.2.3.4\t50465\t5.6.7.8\t80\ttcp\thttp\t0.01\t1\t2\tSF\t-\t0\tShADfFa\t1\t2\t3\t4\t(empty)",
  "2024-01-02 03:04:05 1rKabc-0001Ab-CD <= a@b.c H=host [1.2.3.4]:25 I=[5.6.7.8]:25 P=esmtps S=123 id=x@y",
  "2024-01-02 03:04:05 [123] 1rKabc-0001Ab-CD => d@e.f R=dns T=smtp H=h [1.2.3.4]",
  "2024-01-02 03:04:05 1rKabc-0001Ab-CD Completed",
  "RT_FLOW_SESSION_CREATE: session created 1.2.3.4/555->5.6.7.8/80 junos-http 1.2.3.4/555->5.6.7.8/80 None None 6 policy trust untrust 12 N/A(N/A) ge-0/0/0.0 UNKNOWN UNKNOWN UNKNOWN",
  "RT_FLOW - RT_FLOW_SESSION_DENY: session denied 1.2.3.4/1->5.6.7.8/80 junos-http 6(0) p trust untrust UNKNOWN UNKNOWN N/A(N/A) ge-0/0/0.0",
  "I, [2024-01-02T03:04:05.123456 #42]  INFO -- : x",
  "2024-01-02 03:04:05,123 INFO x",
  "1700000000.123   45 1.2.3.4 TCP_MISS/200 1234 GET http://x/ - DIRECT/5.6.7.8 text/html",
  '1.2.3.4 - - [02/Jan/2024:03:04:05 +0900] "GET / HTTP/1.1" 200 12 "-" "UA"',
  "2024-01-02\t03:04:05\tNRT1\t123\t1.2.3.4\tGET\td.cloudfront.net\t/x\t200\t-\tUA\t-\t-\tHit\tid\th\thttps\t12\t0.001\t-\tTLSv1.2\tc\tHit\tHTTP/1.1",
];

/** What a group in a repeated group found in an earlier round is forgotten: docs/compatibility.md. */
const FORGETFUL = ["EXIM_NAMED_FIELDS", "EXIM_MESSAGE_ARRIVAL", "EXIM"];

for (const series of PATTERN_SERIES) {
  test(`the plugin's own files as custom_pattern_path: ${series}`, { skip: withoutFluentd }, () => {
    const folder = join(
      process.env.SUIRO_TEST_FLUENTD ?? "",
      "gems",
      "fluent-plugin-grok-parser-2.6.3",
      "patterns",
      series,
    );
    const names = OTHER_SETS.filter((set) => existsSync(join(folder, set)))
      .flatMap((set) => namesIn(readFileSync(join(folder, set), "utf8")))
      .filter((name) => !FORGETFUL.includes(name));
    assert.ok(names.length > 150, `${names.length} patterns`);
    const cases = names.map((name) => {
      const parse = `@type grok\ngrok_pattern_series ${series}\ncustom_pattern_path ${folder}\ngrok_pattern %{${name}:found}`;
      return { parse, texts: OTHER_LINES };
    });
    assert.deepEqual(differentAnswers(cases), []);
  });
}

test("parameters and sections of grok", { skip: withoutFluentd }, () => {
  const folder = temporaryFolder();
  const file = join(folder, "one");
  writeFileSync(file, "# own\nWORD [a-c]+\n\nPAIR %{WORD:left}=%{WORD:right}\nCHILD %{NOTHING}\nEMPTY\n");
  mkdirSync(join(folder, "more"));
  writeFileSync(join(folder, "more", "a"), "LETTER [x-z]\n");
  writeFileSync(join(folder, "more", "b"), "LETTERS %{LETTER}+\r\n");
  const time = "2024-01-02T03:04:05Z";
  const cases: ParserCase[] = [
    { parse: `@type grok\ngrok_pattern %{PAIR} %{INT:n:integer}\ncustom_pattern_path ${file}`, texts: ["ab=c 5", "x=y 5"] },
    { parse: `@type grok\ngrok_pattern %{LETTERS:l}\ncustom_pattern_path ${folder}/more`, texts: ["xyz", "abc"] },
    { parse: `@type grok\ngrok_pattern %{CHILD:x}\ncustom_pattern_path ${file}`, texts: [] },
    { parse: "@type grok\ngrok_pattern %{NOPE:x}", texts: [] },
    { parse: "@type grok", texts: [] },
    { parse: "@type grok\ngrok_pattern %{WORD}", texts: [] },
    { parse: "@type grok\ngrok_pattern no names", texts: [] },
    {
      parse: "@type grok\ngrok_pattern %{NUMBER:a:integer} %{NUMBER:b:float} %{WORD:c:bool} %{NOTSPACE:d:array} %{NOTSPACE:e:array:;} %{NUMBER:f:string} %{DATA:g:time:%Y}$",
      texts: ["1.5 1.5 true a,b a;b 7 2024", "1 2 yes a b 3 x"],
    },
    { parse: "@type grok\ngrok_pattern %{TIMESTAMP_ISO8601:time} %{GREEDYDATA:m}", texts: [`${time} x`, "2024-01-02 03:04 x", "x"] },
    { parse: "@type grok\ngrok_pattern %{TIMESTAMP_ISO8601:t} %{GREEDYDATA:m}\ntime_key t\nkeep_time_key true\ntime_format %Y-%m-%dT%H:%M:%SZ\ntimezone +09:00", texts: [`${time} x`] },
    { parse: "@type grok\ngrok_pattern %{TIMESTAMP_ISO8601:time} %{GREEDYDATA:m}\ntime_format %d.%m.%Y", texts: [`${time} x`] },
    { parse: "@type grok\ngrok_pattern %{WORD:m}\nestimate_current_event false\ngrok_failure_key f", texts: ["x"] },
    { parse: "@type grok\ngrok_pattern %{WORD:m}\ntypes m:integer\nnull_value_pattern ^x$", texts: ["x", "12"] },
    { parse: "@type grok\ngrok_pattern %{INT:n}\ngrok_failure_key why\ngrok_name_key which", texts: ["12", "x", Buffer.from("\xff", "latin1")] },
    { parse: "@type grok\ngrok_pattern (?<a>%{INT}) %{INT:[x][y]:integer} %{WORD:@timestamp}", texts: ["1 2 w"] },
    { parse: "@type grok\ngrok_pattern %{INT:[x][y]:integer} %{WORD:z-z}", texts: ["1 w"] },
    {
      parse: `@type grok\ngrok_name_key which\ngrok_failure_key why\ntime_format %Y
        <grok>\nname number\npattern %{INT:n:integer}$\n</grok>
        <grok>\npattern ^(?<time>%{YEAR}) %{WORD:w}$\n</grok>
        <grok>\nname kept\npattern ^%{NOTSPACE:time}: %{WORD:w}$\nkeep_time_key true\ntime_format %d.%m.%Y\ntimezone -03:00\n</grok>
        <grok>\nname other\npattern ^%{NOTSPACE:t}; %{WORD:w}$\ntime_key t\n</grok>`,
      texts: ["5", "2024 x", "02.01.2024: x", "2023; x", "none of them!", "99.99.2024: x"],
    },
    { parse: "@type grok\nkeep_time_key true\ntime_format %Y\n<grok>\npattern ^(?<time>%{YEAR}) %{WORD:w}$\n</grok>", texts: ["2024 x"] },
    { parse: "@type multiline_grok\ngrok_pattern %{WORD:a}%{GREEDYDATA:b}", texts: ["x\ny\nz", "-"] },
    { parse: "@type multiline_grok\nmultiline_start_regexp /^\\d/\n<grok>\npattern ^%{INT:a}%{DATA:b}$\n</grok>", texts: ["1\ny\nz"] },
  ]; // biome-ignore format: a corpus
  assert.deepEqual(differentAnswers(cases), []);
});
