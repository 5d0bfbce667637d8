/**
 * Random records through filters, by Suiro and by the real plugins. The records are the same in every run;
 * SUIRO_TEST_SEED takes others.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutFluentd } from "../support/fluentd.ts";
import { askPlugins, entriesOf, type PluginCase, type PluginResult } from "../support/fluentd-plugins.ts";
import { RandomRecords } from "../support/random-records.ts";
import { runPlugin } from "../support/run-plugin.ts";

const SEED = Number(process.env.SUIRO_TEST_SEED ?? 1);
const CASES = 20;
const BATCHES = 3;
const EVENTS = 4;

const CONFIGS: Readonly<Record<string, readonly string[]>> = {
  record_transformer: [
    "<record>\na ${tag}\nb ${record['m']}\n</record>", "renew_time_key time\nremove_keys m,$.a.b\n<record>\nx ${tag_parts[0]}\n</record>", "keep_keys m,a\nrenew_record true\n<record>\nq ${tag_suffix[1]}\n</record>",
    "enable_ruby true\n<record>\na ${record['m'].to_s.upcase}\nb ${record.dig('a','b')}\nc ${record['k'].length}\n</record>", "enable_ruby true\nauto_typecast true\nrenew_record true\n<record>\na ${record['m']}\nk ${record['log'].scan(/./)}\n</record>", "enable_ruby true\n<record>\na ${record.to_json}\nb ${record['m'].gsub(/x/, 'y')}\nc ${record['k']['a'] rescue 'none'}\nd ${record.inspect}\n</record>",
  ],
  record_modifier: ["<record>\na ${record['m']}\nb ${record['a']['b']}\n</record>\nremove_keys k,p", "char_encoding utf-8\n<record>\na ${tag}\n</record>", "whitelist_keys m,log\n<replace>\nkey m\nexpression /x/\nreplace y\n</replace>"],
  grep: ["<regexp>\nkey m\npattern /x/\n</regexp>", "<exclude>\nkey $.a.b\npattern /é/\n</exclude>", "<and>\n<regexp>\nkey m\npattern /./\n</regexp>\n<regexp>\nkey log\npattern /[a-z]/\n</regexp>\n</and>"],
  parser: ["key_name m\nreserve_time true\n<parse>\n@type json\n</parse>", "key_name log\nreserve_time true\nremove_key_name_field true\nhash_value_field h\n<parse>\n@type none\n</parse>", "key_name m\nreserve_time true\nreserve_data true\n<parse>\n@type regexp\nexpression /(?<a>.*) (?<b>\\d+)/\ntypes b:integer\n</parse>", "key_name m\nreserve_time true\ninject_key_prefix z.\nreplace_invalid_sequence true\nreserve_data true\n<parse>\n@type ltsv\n</parse>", "key_name $.a.b\nreserve_time true\nreserve_data true\nremove_key_name_field true\n<parse>\n@type csv\nkeys x,y\n</parse>"],
  concat: ["key m\nn_lines 3", "key m\nmultiline_start_regexp /^s/\nmultiline_end_regexp /e$/\nstream_identity_key k", "key log\npartial_key p\npartial_value P\nbuffer_limit_size 60\nbuffer_overflow_method new", "key m\nmultiline_start_regexp /^s/\ncontinuous_line_regexp /^ /\nseparator \"é\""],
}; // biome-ignore format: a table

for (const [type, configs] of Object.entries(CONFIGS)) {
  test(`${type} makes of random records what the real plugin makes of them`, { skip: withoutFluentd }, async () => {
    // concat cannot join letters and bytes that are both beyond ASCII, and keeps them for ever.
    const records = new RandomRecords(SEED, type === "concat" ? "ASCII" : "any");
    const batch = () => entriesOf(Array.from({ length: EVENTS }, () => records.next()));
    const cases = configs.flatMap((config): PluginCase[] =>
      Array.from({ length: CASES }, () => {
        return {
          kind: "filter",
          type,
          config,
          batches: Array.from({ length: BATCHES }, () => ["a.b", batch()] as const),
        };
      }),
    );
    const answers = askPlugins(cases);
    for (const [index, given] of cases.entries()) {
      assert.deepEqual(
        sorted(await runPlugin(given)),
        sorted(answers[index] as PluginResult),
        `seed ${SEED}, ${given.config}`,
      );
    }
  });
}

/** What goes to `@ERROR` has another order among batches. */
const sorted = ({ events, errors }: PluginResult): PluginResult => ({ events, errors: errors.toSorted() });
