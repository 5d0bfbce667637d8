/** record_transformer: every expression that configurations use, by Suiro and by the real fluentd. */

import { test } from "node:test";
import { jsonToMsgpack } from "../../src/event/json-reader.ts";
import { encode } from "../../src/event/msgpack.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { entriesOf, type PluginCase } from "../support/fluentd-plugins.ts";
import { assertSameAsFluentd } from "../support/same-as-fluentd.ts";
import { withBinaries } from "../support/with-binaries.ts";

const rich = jsonToMsgpack(`{
  "message": "Hello, World 42", "empty": "", "nil": null, "yes": true, "int": 7, "negative": -3, "float": 1.0, "small": 0.1,
  "large": 1e20, "u64": 18446744073709551615, "list": [1, "two", null, 3.0], "1": "one", "0": "zero",
  "kubernetes": {"namespace_name": "default", "pod_name": "web-1_x", "labels": {"app.kubernetes.io/name": "web", "k8s-app": "dns", "10": "ten", "9": "nine"}},
  "json": "{\\"a\\": 1.0, \\"b\\": [true, {}], \\"10\\": 1, \\"9\\": 2}", "time": "2024-02-03T04:05:06.789Z", "unix": 1700000000.5, "log": "日本語 é 😀 \\n"
}`);
const odd = Buffer.concat([
  Buffer.from([0x83]),
  encode("message"),
  Buffer.from([0xa3, 0xff, 0x41, 0xc3]),
  encode("bin"),
  Buffer.from([0xc4, 2, 0xfe, 0x42]),
  encode("int"),
  Buffer.from([0xca, 0x3f, 0xc0, 0, 0]),
]);
const records = [rich, odd, {}, withBinaries(rich), withBinaries(odd)];

/** Values of one field. */
const expressions = [
  '${record["message"]}', "${record['message']}", '${record["kubernetes"]["pod_name"]}', "${record['kubernetes']['labels']['k8s-app']}",
  '${record.dig("kubernetes", "labels", "k8s-app")}', '${record["absent"] || "x"}', '${record["kubernetes"]&.[]("pod_name")}', '${record["absent"]&.[]("b")}',
  '${record.has_key?("message") ? record["message"] : "none"}', '${record.key?("absent") ? 1 : 2}', '${if record["int"] == 7 then "seven" else "other" end}', '${record["int"] == 7 ? "a" : record["int"] == 1.5 ? "b" : "c"}',
  '${record["nil"].nil?}', '${record["empty"].empty?}', '${record["int"].to_s}', '${record["message"].to_s.length}', '${record["float"].to_s}', '${record["float"]}', '${record["u64"]}', '${record["u64"].to_i - 1 rescue "gone"}',
  '${record["small"].to_f * 3}', '${record["int"].to_f}', '${record["int"].to_i / 2}', '${record["negative"].to_i / 2}', '${record["negative"].to_i % 5}', '${record["float"].to_f + 1}', '${record["large"].to_s}', '${record.to_json}', '${record["kubernetes"].to_json}', '${record["list"].to_json}',
  '${record["message"].to_s.gsub(/[aeiou]/, "*")}', '${record["message"].to_s.gsub(/(\\w+), (\\w+)/) { "#{$2} #{$1}" }}', '${record["message"].to_s.sub("l", "L")}', '${record["message"].to_s.tr("a-y", "b-z")}', '${record["log"].to_s.strip}', '${record["message"].to_s.upcase}', '${record["message"].to_s.downcase}',
  '${record["message"].to_s.split(",")[1]}', '${record["message"].to_s.split(" ")[-1]}', '${record["message"].to_s[0..4]}', '${record["message"].to_s[0, 3]}', '${record["message"].to_s[-2..-1]}', '${record["message"].to_s.start_with?("Hell")}', '${record["message"].to_s.end_with?("2")}', '${record["message"].to_s.include?("World")}',
  '${record["message"].to_s.match?(/\\d+/)}', '${record["message"] =~ /(\\d+)/ ? $1 : "no"}', '${record["message"].to_s[/\\d+/]}', '${record["message"].to_s.match(/(?<n>\\d+)/)&.[](:n)}', '${record["message"].to_s.scan(/\\w+/)}', '${record["message"].to_s.size}', '${record["log"].to_s.length}', '${record["log"].to_s.bytesize}',
  '${record["message"] != "x" && !record["nil"]}', '${"pre-" + record["message"].to_s + "-post"}', '${"#{tag}/#{record["int"]}"}', "a ${record[\"int\"]} b ${record['float']} c ${record['nil']}d", 'x${tag}y', '${tag}', '${tag_parts[0]}', '${tag_parts[-1]}', '${tag_prefix[1]}', '${tag_suffix[1]}', '${tag_suffix[-1]}', '${tag_parts[9]}', "${tag_parts.last.upcase}", '${tag.split(".")[1]}',
  '${tag_suffix[1].rpartition(".")[0].split("_")[1]}', '${tag_parts.size}', "${time}x", '${time.strftime("%Y-%m-%dT%H:%M:%S.%N%z")}', '${time.strftime("%d/%b/%Y %-d %e %j %L %s")}', '${time.iso8601(3)}', '${time.utc.iso8601}', '${time.to_i}', '${time.to_f}', '${time.to_i * 1000}', '${(time.to_f * 1000).to_i}', '${time.year}', '${Time.at(0).utc.to_s}', '${Time.at(record["unix"].to_f).utc.iso8601(6)}', '${Time.parse(record["time"]).utc.iso8601(3) rescue "bad"}', '${time.localtime("+09:00").strftime("%H:%M %z")}',
  '${ENV["SUIRO_NOTHING"] || "unset"}', '${ENV.fetch("SUIRO_NOTHING", "d")}', '${JSON.parse(record["json"])}', '${JSON.parse(record["json"])["b"][0]}', '${JSON.generate(record["kubernetes"])}', '${JSON.dump({"a" => 1.0})}', '${JSON.parse(record["message"]) rescue "no json"}', '${Socket.gethostname.empty?}', '${hostname == Socket.gethostname}',
  '${record.reject { |k, v| k == "message" || v.nil? }}', '${record.select { |k, _| ["int", "float"].include?(k) }}', '${record["kubernetes"]["labels"].transform_keys { |k| k.gsub(".", "_") }}', '${Hash[record["kubernetes"]["labels"].map { |k, v| [k.gsub(".", "_"), v] }]}', '${record["kubernetes"]["labels"].map { |k, v| "#{k}=#{v}" }.join(",")}', '${record["kubernetes"]["labels"].keys.sort}', '${record["kubernetes"]["labels"].to_a}', '${record.keys}', '${record["kubernetes"]["labels"].merge({"x" => tag})}', '${record["list"].map(&:to_s)}', '${record["list"].compact.size}', '${record["list"].first}', '${record["list"].join("-")}', '${record["kubernetes"].values_at("pod_name", "none")}', '${record["list"]}x',
  '${record["kubernetes"]}', "${record['kubernetes']}x", '${record}', '${[1, 2.0, nil, true, "s", :sym]}', '${{"a" => {"b" => 1}}}', '${nil}', '${1 + 1}', '${10 / 4.0}', '${2 ** 62}', '${1e3}', '${"%05.1f|%3d|%-4s|%x" % [3.14159, 5, "ab", 255]}', '${format("%.2f", record["small"])}',
  '${record["message"].to_s.empty? ? "E" : record["message"].to_s[0]}', '${record["int"].is_a?(Integer)}', '${record["kubernetes"].is_a?(Hash)}', '${record["nil"].to_s}', '${record["nil"].to_a}', '${record["int"].between?(1, 9)}', '${record["message"].to_s.each_char.to_a.size rescue "x"}', '${case record["int"] when 7 then "seven" when 1.5, 2 then "few" else "none" end}', '${case record["message"] when /Hello/ then "greeting" else "other" end}', '${case record["message"] when String then "s" when nil then "n" end}',
  '${x = record["int"].to_i; x += 1; x * 2}', '${record["a"]["b"]}', '${record["a"]["b"] rescue "safe"}', '${record["message"].to_s + 1}', '${Integer("x") rescue -1}', '${Integer("0x1f")}', '${Float("1.5")}', '${record["int"].round}', '${2.5.round}', '${3.14159.round(2)}', '${7.0.floor}', '${-7.5.to_i}', '${record["message"].to_s.scrub("?")}', '${record["message"].to_s.dup.force_encoding("UTF-8").valid_encoding?}', '${record["message"].to_s.gsub("l", "l" => "1")}', '${record["message"].to_s.delete("l")}', '${record["message"].to_s.squeeze}', '${record["message"].to_s.capitalize}', '${record["message"].to_s.center(20, "*")}', '${record["message"].to_s.ljust(20, ".")}', '${record["message"].to_s.index("World")}', '${record["message"].to_s.partition(", ")}', '${record["message"].to_s.chars.first}', '${record["message"].to_s.unicode_normalize rescue "x"}', '${record["message"].to_s.inspect}', '${record["log"].inspect}', '${record.inspect.length > 0}', '${record["kubernetes"].inspect}', "${record['message']}/${record['int']}", "${record['message']}${record['message']}", "é${record['message']}", "${record['int']}${record['message']}-", "${[record['message'], 'é'].join('-')}", "${[1, record['message']].join(',')}", "literal", "5", "with \\n escape", "tab\there", "${record['int']}${record['float']}", "[${record['int']}]x", 'a "quoted" ${tag}', "${unless record['x'] then 'none' end}", "${record['message'].to_s.sub(/(?<first>\\w+)/, '<\\k<first>>')}", "${record['message'].to_s.gsub(/o/) { |m| m.upcase }}", '${record["list"].inject(0) { |s, x| s + x.to_i }}', '${record["list"].each_with_index.map { |x, i| i } rescue "no"}', '${record.map { |k, v| k }.first(2)}', '${record.any? { |k, v| v == 7 }}', '${record.sort_by { |k, v| k }.first}', '${record.length}', '${record.to_a.flatten.size > 0}', '${record.each_with_object({}) { |(k, v), h| h[k] = 1 }}', '${record.min_by { |k, v| k } rescue 1}', '${record.delete("message"); record["message"].nil?}', '${require "digest/md5"; Digest::MD5.hexdigest(record["message"].to_s)}', '${Digest::SHA256.hexdigest("a")[0..7]}', '${CGI.unescape("a%20b+c")}', '${record["message"].to_s.encode("UTF-8", invalid: :replace, undef: :replace, replace: "?")}', '${record["int"].zero?}', '${record["message"].to_s <=> "a"}', '${record["message"].to_s.eql?("a")}', '${(1..3).to_a}', '${("a".."e").include?("c")}', '${!!record["nil"]}', '${record["nil"] or "word"}', '${not record["nil"]}', '${record["int"].to_s.rjust(3, "0")}', '${record["message"].to_s.start_with?(/H/)}', '${record["message"].to_s.match(/x/).nil?}', '${record["message"].to_s.lines.size}', '${"a\\tb"}', "${'a\\tb'}",
]; // biome-ignore format: a list

/** Texts that are times to Ruby, and what it shows of them. */
const times = [
  ...["2024-01-02 03:04:05.5 +0900", "2024-01-02T03:04:05Z", "Tue, 02 Jan 2024 03:04:05 GMT", "2 Jan 2024 3:04 PM EST", "2024/1/2", "20240102T030405-0000", "2024-01-02T03:04:05+00:00", "Jan  2 03:04:05 2024 UTC", "no time"].flatMap(
    (text) => [`Time.parse("${text}")`, `DateTime.parse("${text}")`, `Time.iso8601("${text}")`],
  ),
  ...[
    ["02/Jan/2024:03:04:05 +0900", "%d/%b/%Y:%H:%M:%S %z"], ["2024-01-02 03:04:05,678", "%Y-%m-%d %H:%M:%S,%L"], ["1704164645", "%s"], ["1704164645678", "%Q"], ["Jan 02 2024 3:04 PM UTC", "%b %d %Y %I:%M %p %Z"],
    ["2024-01-02T03:04:05.123456789Z", "%Y-%m-%dT%H:%M:%S.%N%z"], ["2024-061", "%Y-%j"], ["x", "%Y"], ["2024-01-02 03:04:05 -0500", "%F %T %z"],
  ].flatMap(([text, format]) => [`Time.strptime("${text}", "${format}")`, `DateTime.strptime("${text}", "${format}")`]),
].flatMap((time) => [`\${${time}.to_s}`, `\${${time}.strftime("%Y-%m-%dT%H:%M:%S.%6N %z")}`, `\${${time}.to_time.to_i}`, `\${${time}.to_time.utc.iso8601(3)}`, `\${${time}.to_s rescue "none"}x`]); // biome-ignore format: a list
/** Where lines begin and end. */
const lineEnds = ["a\\n", "a\\n\\n", "", "\\n", "a\\r\\nb\\n", "a\\rb", "a\\u2028b", "x\\ny"].flatMap((text) => [
  `\${"${text}".gsub(/^/, ">")}`,
  `\${"${text}".gsub(/$/, "<")}`,
  `\${"${text}".match?(/^[\\r\\n]*$/)}`,
  `\${"${text}".scan(/^.*$/)}`,
]);
/** What random expressions found. */
const found = [
  '${"aabbcc".squeeze("b")}', '${"aabb--cc".squeeze("a-b")}', '${"aa  bb".squeeze("^a")}', '${%w[a b a] & ["a"]}', '${[1, 1.0, 2] & [1, 2]}',
  "${-2.5.ceil}", "${-2 ** 2}", "${- 2.5.floor}", "${3 - 2.5.ceil}", "${-7.abs}", "${[-1.abs, -record['int']]}", "${record['int'].to_i << 2}", "${7.5.divmod(3)}", "${-7.divmod(3)}", "${7.divmod(-2.5)}", "${record['kubernetes'].inject { |a, b| a + b }}", "${record['kubernetes'].inject(0) { |sum, (k, v)| sum + k.size }}",
  ...["2024-01-01", "2023-12-31", "2021-01-03", "2020-12-28"].map((day) => `\${Time.parse("${day} UTC").strftime("%C %U %W %G %V %u")}`),
]; // biome-ignore format: a list
const moreTimes = [
  '${Time.strptime(record["time"], "%Y-%m-%dT%H:%M:%S.%L%z").to_f}', '${Time.parse(record["time"]).strftime("%s%L")}', '${DateTime.parse(record["time"]).strftime("%Q")}', '${DateTime.parse(record["time"]).iso8601(3)}', "${DateTime.parse(record['time']).to_time.to_f}", "${DateTime.parse(record['time']).year}", "${Time.strptime(record['absent'], '%Y').to_i}", "${DateTime.now.class.to_s}", "${DateTime.now.to_time.to_i > 1}",
]; // biome-ignore format: a list

/** Whole configurations. */
const configurations = [
  "<record>\na ${record[\"message\"]}\nb x${record[\"int\"]}y\nc ${tag}\nd ${tag_parts[1]}-${tag_parts[-1]}\ne ${tag_prefix[1]}|${tag_suffix[1]}\nf ${time}\ng 5\nh ${record[\"absent\"]}\ni ${record[\"kubernetes\"]}\nj x${record[\"kubernetes\"]}\nk ${record['message']}\nl __UPPER__\nm ${record[\"float\"]}\nn ${record[\"u64\"]}\no ${k}z\n</record>",
  "auto_typecast false\n<record>\na ${record[\"int\"]}\nb ${record[\"float\"]}\nc ${record[\"nil\"]}\n</record>",
  "enable_ruby\nauto_typecast false\n<record>\na ${record[\"int\"]}\nb ${record[\"float\"]}\nc ${record[\"nil\"]}\n</record>",
  "renew_record true\n<record>\na ${record[\"int\"]}\n</record>", "renew_record true\nkeep_keys message,int,absent\n<record>\nint new\na 1\n</record>", "renew_record true",
  "remove_keys message,$.kubernetes.labels.k8s-app,$['kubernetes']['labels']['app.kubernetes.io/name'],$.list[1],$.absent.x\n<record>\nkeep me\n</record>", "remove_keys a,int\n<record>\na ${record[\"int\"]}\nb ${record[\"int\"]}\n</record>",
  "renew_time_key unix\nremove_keys unix", "renew_time_key message\n<record>\nmessage 1400000000.123\n</record>", "renew_time_key yes", "renew_time_key nil", "enable_ruby true\nrenew_time_key t\n<record>\nt ${time.to_f + 1}\n</record>",
  '<record>\nobj {"a": "${tag}", "b": [1, 2.0, "x${record[\\"int\\"]}"], "${tag_parts[0]}": null, "deep": {"k": "${record[\\"int\\"]}"}}\n</record>', '<record>\narr ["${tag}", 1.0, {"t": true}]\n</record>', "<record>\nmessage replaced\n1 uno\nz last\n</record>",
  'enable_ruby true\n<record>\nobj {"a": "${tag.upcase}", "${tag}": "${record[\\"int\\"]}", "n": 1.0}\n</record>', "enable_ruby true\n<record>\n${tag} v\nx ${record['int']}\n</record>",
  'enable_ruby true\nremove_keys _dummy_\n<record>\n_dummy_ ${record["kubernetes"]["labels"] = record["kubernetes"]["labels"].transform_keys { |k| k.gsub(".", "_") } if record["kubernetes"]; nil}\n</record>',
  'enable_ruby true\nremove_keys _dummy_\n<record>\n_dummy_ ${record["kubernetes"]&.delete("labels"); record["list"] << 4 if record["list"]; record["top"] = 1; nil}\nsees ${record["top"]}\nagain ${record["kubernetes"]}\n</record>',
  'enable_ruby true\n<record>\nkubernetes ${record["kubernetes"]["x"] = 1.0; record["kubernetes"]}\n</record>', 'enable_ruby true\n<record>\na ${record.dig("kubernetes", "labels")&.each { |k, v| v }; record["kubernetes"]["labels"]["new"] = tag; "done"}\nb ${record["kubernetes"]["labels"]["new"]}\n</record>',
  'enable_ruby true\nrenew_record true\nkeep_keys kubernetes\n<record>\na ${record["kubernetes"].delete("labels"); 1}\n</record>',
]; // biome-ignore format: a list

/** Of a text of bytes Ruby's `JSON.parse` makes one of letters, in the record, too: docs/ruby.md. */
const textsOnly = records.slice(0, 3);

const cases: PluginCase[] = [
  ...[...expressions, ...times, ...moreTimes, ...lineEnds, ...found].map(
    (expression) => `enable_ruby true\n<record>\nout ${expression}\n</record>`,
  ),
  ...configurations,
].map((config) => {
  const entries = entriesOf(config.includes("JSON.parse") ? textsOnly : records);
  return { kind: "filter", type: "record_transformer", config, batches: [["app.web_1.access", entries]] };
});

test("record_transformer gives what fluentd gives", { skip: withoutFluentd }, async () => {
  await assertSameAsFluentd(cases);
});
