import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { explain } from "../../../src/cli/explain.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function explained(config: string): Promise<{ code: number; output: string }> {
  const path = join(temporaryFolder(), "f.conf");
  writeFileSync(path, config);
  let output = "";
  const code = await explain({ config: path }, (text) => {
    output += text;
  });
  return { code, output: output.replaceAll(path, "f.conf") };
}

const SOURCE =
  "<source>\n@type tail\npath /var/log/*.log\npos_file /p\ntag k.*\n@label @K\n<parse>\n@type none\n</parse>\n</source>\n";

test("every part says what it does, in the order in which events meet it", async () => {
  const { code, output } = await explained(`${SOURCE}<label @K>
<filter k.**>\n@type grep\n</filter>
<match k.var.**>\n@type relabel\n@label @OUT\n</match>\n</label>
<label @OUT>\n<match **>\n@type forward\n<server>\nhost a\nport 1\n</server>\n<buffer>\n@type file\npath /b\n</buffer>\n</match>\n</label>\n`);
  assert.equal(code, 0, output);
  assert.match(output, /f\.conf:1 {2}tail: follows \/var\/log\/\*\.log, tag k\.\*, to @K/);
  assert.match(output, /Label @K, in this order\n {2}f\.conf:12 {2}<filter k\.\*\*> .* lets through/);
  assert.match(output, /forward: sends to a:1; buffer file in \/b/);
  assert.match(output, /k\.var\.log\.x\.log → grep \(line 12\) → relabel \(line 15\) → forward \(line 21\)/);
  assert.match(output, /Suiro runs this configuration\./);
});

test("events that nobody takes are shown", async () => {
  const { output } = await explained(`${SOURCE.replace("@label @K\n", "")}<match app.**>\n@type null\n</match>\n`);
  assert.match(output, /k\.var\.log\.x\.log → nowhere: no <match> takes it/);
});

test("a text that cannot be read is a finding, too", async () => {
  const { code, output } = await explained("<source>\n");
  assert.equal(code, 1);
  assert.match(output, /f\.conf:1 {2}expected end tag/);
});

test("what is not supported comes with what to use instead, and the exit code says so", async () => {
  const { code, output } = await explained(
    "<match a>\n@type record_reformer\n</match>\n<match **>\n@type copy\n<store>\n@type elasticsearch\n</store>\n<store>\n@type null\n</store>\n<store>\n@type http\n</store>\n</match>\n",
  );
  assert.equal(code, 1);
  assert.match(
    output,
    /f\.conf:1 {2}Unknown output plugin 'record_reformer': .* Instead: the filter record_transformer/,
  );
  assert.match(
    output,
    /f\.conf:6 {2}Unknown output plugin 'elasticsearch': Suiro does not have fluent-plugin-elasticsearch\. Instead: send with/,
  );
  assert.match(output, /f\.conf:12 {2}Unknown output plugin 'http': Suiro does not have this plugin of fluentd\./);
  assert.deepEqual(output.match(/^✗.*/gm), [
    "✗ f.conf:1  <match a>                @type record_reformer",
    "✗ f.conf:6    @type elasticsearch",
    "✗ f.conf:12    @type http",
  ]);
  assert.match(
    output,
    /Suiro cannot run this configuration as it is\. 3 of its 5 sources, filters and outputs would not run/,
  );
});

test("a mistake within a section marks the plugin that it stands in, and its route", async () => {
  const { code, output } = await explained(
    `${SOURCE.replace("@label @K\n", "")}<match k.**>\n@type file\npath /x\n<buffer time>\n@type file\npath /y\ntimekey abc\n</buffer>\n</match>\n<system>\nlog_level loud\n</system>\n`,
  );
  assert.equal(code, 1);
  assert.equal(output.match(/^✗/gm)?.length, 1, output);
  assert.match(output, /→ file ✗ \(line 10\)/);
  assert.match(output, /1 of its 2 sources/);
});

test("findings stand in the order of their lines, those of plugins with the line of their plugin", async () => {
  const { output } = await explained(
    `<match **>\n@type null\n</match>\n<source>\n@type tail\npath /x\ntag y\n<parse>\n@type none\n</parse>\n</source>\n<nonsense>\n</nonsense>\n`,
  );
  assert.match(
    output,
    /not meant\n {2}f\.conf:4 {2}'pos_file PATH' parameter is not set.*\n {2}f\.conf:4 .*\n {2}f\.conf:12 {2}section <nonsense> is not used/,
  );
});

/**
 * The shapes of configurations that people run: who made them, and what Suiro must say of them. Where nothing is said
 * Suiro runs them.
 */
const WILD: readonly (readonly [shape: string, text: string, expected: readonly RegExp[]])[] = [
  [
    "GKE's old DaemonSet: names of v0, a match that reforms, a conditional that ends in `end`",
    `<source>\ntype tail\nformat json\ntime_key time\npath /c/*.log\npos_file /p\ntag reform.*\n</source>
<filter reform.**>\n@type record_transformer\nenable_ruby\n<record>\ns \${record['s'] || if record['stream'] == 'stderr' then 'ERROR' else 'INFO' end}
n \${tag_suffix[4].rpartition('.')[0].split('_')[2].rpartition('-')[0]}\n</record>\n</filter>
<match {raw.stderr,raw.stdout}>\n@type google_cloud\nbuffer_type file\nbuffer_chunk_limit 512k\n</match>`,
    [/fluent-plugin-google-cloud\. Instead: send with @type forward/],
  ],
  [
    "OpenShift's collector: several patterns, a regexp within JSON, values in single quotes, routes of label_router",
    `<label @INGRESS>\n<filter k.**>\n@type kubernetes_metadata\nkubernetes_url 'https://k.svc'\nannotation_match ["^containerType\\.logging\\/.*$"]
allow_orphans false\ncache_size '1000'\n</filter>\n<filter **>\n@type viaq_data_model\n<level>\nname warn\nmatch 'W|"level":"warn"'\n</level>\n</filter>
<match **_default_** **_kube-*_** journal.**>\n@type null\n</match>
<match k.**>\n@type label_router\n<route>\n@label @A\n<match>\nnamespaces a, b\n</match>\n</route>\n</match>\n</label>
<label @A>\n<match **>\n@type copy\ncopy_mode deep\n<store ignore_error>\n@type elasticsearch\n</store>\n<store>\n@type stdout\n</store>\n</match>\n</label>`,
    [/'viaq_data_model'/, /'label_router': .* one <label> for each route/, /'elasticsearch'/],
  ],
  [
    "Rancher: flat parameters of a parser, metrics in a copy, more than one destination that is missing",
    `<source>\n@type tail\npath /c/*.log\npos_file /p\ntime_format %Y-%m-%dT%H:%M:%S.%N\ntag cluster.*\nformat json\n</source>
<match cluster.**>\n@type copy\n<store>\n@type remote_syslog\nhost h\n</store>\n<store>\n@type prometheus\n<metric>\nname n_total\ntype counter
desc d\n<labels>\ncontainer $.kubernetes.container_name\nnode "#{ENV['NO_SUCH_NODE']}"\n</labels>\n</metric>\n</store>\n<store>\n@type kafka_buffered\n</store>\n</match>`,
    [/'remote_syslog'/, /'kafka_buffered': Suiro does not have fluent-plugin-kafka/],
  ],
  [
    "fluentd's DaemonSet for Elasticsearch: variables everywhere, some of them default or nil",
    `<source>\n@type tail\npath "#{ENV['NO_SUCH_PATH'] || '/c/*.log'}"\npos_file "#{File.join('/p/', ENV.fetch('NO_SUCH_DIR', ''), 'f.pos')}"\ntag k.*
exclude_path "#{ENV['NO_SUCH_EXCLUDE'] || use_default}"\n<parse>\n@type "#{ENV['NO_SUCH_PARSER'] || 'json'}"\n</parse>\n</source>
<match **>\n@type forward\n<server>\nhost "#{ENV['NO_SUCH_HOST'] || '127.0.0.1'}"\nport "#{ENV['NO_SUCH_PORT'] || use_default}"\n</server>
<buffer>\nflush_interval "#{ENV['NO_SUCH_INTERVAL'] || '5s'}"\nretry_max_times "#{ENV['NO_SUCH_COUNT'] || use_nil}"\nretry_forever true\n</buffer>\n</match>`,
    [],
  ],
  [
    "CloudWatch on EKS: an include, the journal, lines joined into another label",
    `<source>\n@type systemd\n@label @S\nfilters [{ "_SYSTEMD_UNIT": "kubelet.service" }]\n<entry>\nfield_map {"MESSAGE": "message"}\nfield_map_strict true\n</entry>
path /var/log/journal\n<storage>\n@type local\npersistent true\npath /p.json\n</storage>\nread_from_head true\ntag kubelet\n</source>
<label @S>\n<filter **>\n@type concat\nkey log\nmultiline_start_regexp /^\\S/\nseparator ""\nflush_interval 5\ntimeout_label @N\n</filter>
<match **>\n@type relabel\n@label @N\n</match>\n</label>\n<label @N>\n<match **>\n@type cloudwatch_logs\nlog_group_name g\n</match>\n</label>`,
    [/fluent-plugin-cloudwatch-logs/],
  ],
  [
    "Loki: a <label> that is none of the router's, a filter without a pattern, a <parse> that nobody reads",
    `<source>\n@type forward\ntag x\n<parse>\n@type none\n</parse>\n</source>\n<filter>\n@type record_transformer\n<record>\nt \${time}\n</record>\n</filter>
<match **>\n@type loki\nurl "http://loki:3100"\nextra_labels {"env":"dev", "app":"q"}\n<label>\nlevel\npod $.kubernetes.pod_name\n</label>\n</match>`,
    [/fluent-plugin-grafana-loki/, /section <parse> is not used/],
  ],
  [
    "an old aggregator: secure_forward, flat buffers, a secondary",
    `<source>\ntype secure_forward\nshared_key k\n</source>\n<match **>\ntype forward\nbuffer_type file\nbuffer_path /b\nbuffer_queue_limit 32
disable_retry_limit\nnum_threads 8\nsend_timeout 60s\nheartbeat_interval 1s\nphi_threshold 16\nhard_timeout 60s\n<server>\nhost 127.0.0.1\n</server>
<secondary>\ntype file\npath /f\n</secondary>\n</match>`,
    [/'secure_forward': .*<transport tls> and <security>/],
  ],
];

for (const [shape, text, expected] of WILD) {
  test(`of configurations in the wild: ${shape}`, async () => {
    const { code, output } = await explained(text);
    const mistakes = /What Suiro cannot do\n([\s\S]*?)(?:\n\n|$)/.exec(output)?.[1]?.split("\n") ?? [];
    const errors = expected.filter((pattern) => mistakes.some((line) => pattern.test(line)));
    assert.equal(mistakes.length, errors.length, output);
    for (const pattern of expected) assert.match(output, pattern);
    assert.equal(code, errors.length > 0 ? 1 : 0);
  });
}

test("nothing is complained of that the text does not say, or that is used", async () => {
  for (const text of [
    "<source>\n@type syslog\nbind 127.0.0.1\nformat /(?<message>.*)/\ntag s\n</source>\n<match **>\n@type null\n</match>",
    "<source>\n@type syslog\ntag s\n<parse>\n@type none\n</parse>\n</source>\n<match **>\n@type null\n</match>",
    `<source>\n@type tail\npath /x\npos_file /p\ntag t\n<parse>\n@type multi_format\n<pattern>\nformat json\nformat_name j\nkeep_time_key true
</pattern>\n<pattern>\nformat /^(?<m>.*)$/\n</pattern>\n<pattern>\nformat none\n</pattern>\n</parse>\n</source>\n<match **>\n@type null\n</match>`,
  ]) {
    const { output } = await explained(text);
    assert.doesNotMatch(output, /is not used|not meant/, text);
  }
  const { output } = await explained(
    "<source>\n@type tail\npath /x\npos_file /p\ntag t\n<parse>\n@type multi_format\n<pattern>\nformat none\nnonsense 1\n</pattern>\n</parse>\n</source>\n<match **>\n@type null\n</match>",
  );
  assert.match(output, /f\.conf:10 {2}parameter 'nonsense' in <pattern> is not used/, "with its own line");
});
