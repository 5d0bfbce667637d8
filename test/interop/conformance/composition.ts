/**
 * One configuration of many cases, since a start of fluentd takes two seconds. Each case gets a label of its own:
 * its sources go there, its filters and matches stand in it, and its own labels get its name behind theirs.
 */

export interface CaseConfig {
  readonly name: string;
  /** With every placeholder replaced. */
  readonly text: string;
  readonly receiverPort: number;
  /** Whether the configuration itself sends to the receiver. */
  readonly sendsItself: boolean;
}

/** The case's part of the common configuration, with its line numbers kept for sources and matches. */
export function composePart({ name, text, receiverPort }: CaseConfig): string {
  const own = `@CASE.${name}`;
  const outside: string[] = [];
  const inside: string[] = [];
  for (const block of topLevelBlocks(text.replace(/@([A-Z][A-Z_\d]*)\b/g, `@$1.${name}`))) {
    const [first = "", ...rest] = block;
    if (first.startsWith("<source")) {
      const hasLabel = block.some((line) => /^\s*@label\s/.test(line));
      outside.push(first, ...(hasLabel ? [] : [`  @label ${own}`]), ...rest);
    } else if (first.startsWith("<label")) outside.push(...block);
    else inside.push(...block);
  }
  return [...outside, `<label ${own}>`, ...inside, toReceiver(receiverPort), "</label>", ""].join("\n");
}

/** The case as it is written, and the receiver for what nothing else takes. */
export function composeAlone({ text, receiverPort, sendsItself }: CaseConfig): string {
  return sendsItself ? text : `${text}\n${toReceiver(receiverPort)}`;
}

/** Sections and lines of the root, each as the lines that it takes. */
function topLevelBlocks(text: string): string[][] {
  const blocks: string[][] = [];
  let depth = 0;
  for (const line of text.split("\n")) {
    if (depth === 0) blocks.push([]);
    blocks.at(-1)?.push(line);
    if (/^\s*<\//.test(line)) depth -= 1;
    else if (/^\s*<\w/.test(line)) depth += 1;
  }
  return blocks.filter(([first]) => first !== "");
}

function toReceiver(port: number): string {
  return `<match **>
  @type forward
  heartbeat_type none
  <server>
    host 127.0.0.1
    port ${port}
  </server>
  <buffer tag>
    flush_mode immediate
    retry_wait 0.2
    retry_type periodic
  </buffer>
</match>`;
}
