/** `--setup DIR`: a first configuration to start from. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const FIRST_CONFIGURATION = `# Takes events over the Forward protocol and prints them.
# Send one:  echo '{"message":"hello"}' | suiro cat debug.test
<source>
  @type forward
  port 24224
  bind 127.0.0.1
</source>

<label @FLUENT_LOG>
  <match **>
    @type null
  </match>
</label>

<match **>
  @type stdout
</match>
`;

/** Writes `fluent.conf` into `folder`, and never over one. Gives the exit code. */
export function writeFirstConfiguration(folder: string | true): number {
  const path = join(folder === true ? "/etc/fluent" : folder, "fluent.conf");
  if (existsSync(path)) {
    console.log(`${path} already exists.`);
    return 0;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, FIRST_CONFIGURATION);
  console.log(`Installed ${path}.`);
  return 0;
}
