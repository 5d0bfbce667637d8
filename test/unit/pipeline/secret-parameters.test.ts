import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigElement } from "../../../src/config/element.ts";
import { secretParameters } from "../../../src/pipeline/secret-parameters.ts";

const isSecretParameter = secretParameters([]);
const position = { file: "a.conf", line: 1 };
const element = (name: string, type?: string) =>
  new ConfigElement(name, "", position, type ? [{ key: "@type", value: type, position }] : []);

test("secrets are known by their names, in every section and of every plugin", () => {
  const unknown = [element("ROOT"), element("match", "nosuch"), element("auth")];
  const secret = ["shared_key", "password", "private_key_passphrase", "ca_private_key_passphrase", "aws_secret_key"];
  for (const key of secret) assert.ok(isSecretParameter(unknown, key), key);
  for (const key of ["path", "private_key_path", "username", "tag", "token_path"]) {
    assert.ok(!isSecretParameter(unknown, key), key);
  }
});
