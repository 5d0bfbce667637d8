import type { Clock } from "../clock.ts";
import { type CommonConfig, eventTimeParser } from "./common-parameters.ts";
import { valueConversions } from "./value-conversion.ts";

/** A parser that makes nothing of times and types is refused, as every other, where they are wrong. Throws ConfigError. */
export function checkUnused(config: CommonConfig, clock: Clock): void {
  eventTimeParser(config, clock);
  valueConversions(config, clock);
}
