/** Configuration text as a test writes it. */

import type { ConfigElement } from "../../src/config/element.ts";
import { parseConfig } from "../../src/config/load.ts";

/** The ROOT of `text`, as if it stood in test.conf. */
export function parsedConfig(text: string): ConfigElement {
  return parseConfig(text, "test.conf", { environment: {}, hostname: "test-host" });
}

/** The first element in `text`. */
export function parsedElement(text: string): ConfigElement {
  return parsedConfig(text).children[0] as ConfigElement;
}
