/**
 * Parsers that are regexp with an expression of their own: apache, apache_error, nginx, kubernetes and
 * multiline_kubernetes. Source: fluentd 1.18 plugin/parser_apache.rb, parser_apache_error.rb, parser_nginx.rb; the
 * plugins parser_kubernetes.rb and parser_multiline_kubernetes.rb of fluentd's Kubernetes images.
 */

import { type ConfigOf, section } from "../config/parameters.ts";
import { type CommonConfig, type CommonDefaults, commonParameters } from "./common-parameters.ts";
import { createMultilineParser } from "./multiline.ts";
import type { ParserDefinition } from "./parser.ts";
import { compile, createRegexpParser } from "./regexp.ts";
import { pattern } from "./text-pattern.ts";

export const ACCESS_TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z";

const QUOTED = '"(?<referer>[^"]*)" "(?<agent>[^"]*)"';

const APACHE = [
  String.raw`^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\]`,
  String.raw`"(?<method>\S+)(?: +(?<path>[^ ]*) +\S*)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: ${QUOTED})?$`,
].join(" ");

const APACHE_ERROR = String.raw`^\[[^ ]* (?<time>[^\]]*)\] \[(?<level>[^\]]*)\](?: \[pid (?<pid>[^\]]*)\])?( \[client (?<client>[^\]]*)\])? (?<message>.*)$`;

const NGINX = [
  String.raw`^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\]`,
  String.raw`"(?<method>\S+)(?: +(?<path>[^"]*?)(?: +\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)`,
].join(" ");
const NGINX_TAIL = String.raw`(?: ${QUOTED}(?:\s+"?(?<http_x_forwarded_for>[^"]*)"?)?)?$`;

/** Lines of Kubernetes' own programs: `I0102 03:04:05.678901    1234 file.go:56] message`. */
const KUBERNETES = String.raw`^(?<severity>\w)(?<time>\d{4} [^\s]*)\s+(?<pid>\d+)\s+(?<source>[^ \]]+)\] (?<message>.*)`;
const KUBERNETES_TIME_FORMAT = "%m%d %H:%M:%S.%N";

export const apacheParser = knownLines("apache", APACHE, { timeFormat: ACCESS_TIME_FORMAT });
export const apacheErrorParser = knownLines("apache_error", APACHE_ERROR, {});
export const nginxParser = knownLines("nginx", NGINX + NGINX_TAIL, { timeFormat: ACCESS_TIME_FORMAT });
export const kubernetesParser = fixedLines("kubernetes", (config, context) =>
  createRegexpParser({ source: KUBERNETES, flags: "m" }, config, context, context.element.position),
);
export const multilineKubernetesParser = fixedLines("multiline_kubernetes", (config, context) => {
  const { position } = context.element;
  const expression = compile({ source: KUBERNETES, flags: "m" }, context, position);
  const first = compile({ source: String.raw`^\w\d{4}`, flags: "" }, context, position);
  return createMultilineParser(expression, first, config, context);
});

/** `expression` may be given, and counts then. */
function knownLines(type: string, source: string, defaults: CommonDefaults): ParserDefinition<any> {
  const table = section({
    ...commonParameters({ timeKey: "time", ...defaults }),
    expression: pattern.optional("Another regular expression than the format's own."),
  });
  return {
    kind: "parser",
    type,
    table,
    create(config: ConfigOf<typeof table>, context) {
      const expression = config.expression ?? { source, flags: "" };
      return createRegexpParser(expression, config, context, context.element.position);
    },
  };
}

/** The format of the time is the plugin's, whatever is given. */
function fixedLines(type: string, create: ParserDefinition<CommonConfig>["create"]): ParserDefinition<CommonConfig> {
  return {
    kind: "parser",
    type,
    table: section(commonParameters({ timeKey: "time", timeFormat: KUBERNETES_TIME_FORMAT })),
    create: (config, context) => create({ ...config, timeFormat: KUBERNETES_TIME_FORMAT }, context),
  };
}
