import assert from "node:assert/strict";
import { test } from "node:test";
import { suiroAnswers } from "../../support/parser-oracle.ts";

const at = (second: number, rest: string) => `2024-01-02T03:04:0${second}.5Z ${rest}`;
const TIME = Date.UTC(2024, 0, 2, 3, 4, 0) / 1000;

test("a parser within gets the joined message", () => {
  const parse = "@type cri\njoin_partial_lines true\n<parse>\n@type json\n</parse>";
  const text = [at(1, 'stdout P {"a":'), at(2, "stdout P 1,"), at(3, 'stdout F "b":2}')].join("\n");
  assert.deepEqual(suiroAnswers([{ parse, texts: [text] }]), [
    ['now {"a":i1,"b":i2,"stream":b"stdout","logtag":b"F"}\n'],
  ]);
});

test("the joined line has the time of its first part; further tags count as their first", () => {
  const parse = "@type cri\njoin_partial_lines true\nkeep_time_key false";
  const text = [at(1, "stdout P:x a "), at(2, "stdout P "), at(3, "stdout F:y  b")].join("\n");
  const expected = `t${TIME + 1}.500000000 {"stream":b"stdout","logtag":b"F","message":b"a  b"}\n`;
  assert.deepEqual(suiroAnswers([{ parse, texts: [text] }]), [[expected]]);
});

test("where lines come one by one, each part is an event", () => {
  const parse = "@type cri\njoin_partial_lines true\nkeep_time_key false";
  const expected = `t${TIME + 1}.500000000 {"stream":b"stdout","logtag":b"P","message":b"a"}\n`;
  assert.deepEqual(suiroAnswers([{ parse, texts: [at(1, "stdout P a")] }]), [[expected]]);
});
