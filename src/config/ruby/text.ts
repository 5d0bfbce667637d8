/** Texts and the bytes that they stand for, also where those are no UTF-8; and how Ruby shows a text. */

/** The bytes that a text stands for. */
export function textBytes(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text) || !hasRawBytes(text)) return Buffer.from(text);
  const parts = text.split(/((?<![\ud800-\udbff])[\udc80-\udcff]+)/);
  return Buffer.concat(parts.map((part, index) => Buffer.from(part, index % 2 === 0 ? "utf8" : "latin1")));
}

/** The text of bytes. */
export function bytesText(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString("utf8", start, end);
  if (!text.includes("\ufffd")) return text;
  let exact = "";
  for (let at = start; at < end; ) {
    const length = characterLength(bytes, at, end);
    exact +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[at] as number)) : bytes.toString("utf8", at, at + length);
    at += length || 1;
  }
  return exact;
}

/** Bytes of the UTF-8 character at `at`; 0 where there is none. */
function characterLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  if (at + length > end) return 0;
  const part = bytes.subarray(at, at + length);
  return Buffer.from(part.toString("utf8")).equals(part) ? length : 0;
}

/** Whether a text holds bytes that are no UTF-8. */
export const hasRawBytes = (text: string): boolean => /(?<![\ud800-\udbff])[\udc80-\udcff]/.test(text);

/** A text of bytes in quotes: only ASCII is shown as letters. */
export function inspectBytes(text: string): string {
  const escaped = textBytes(text)
    .toString("latin1")
    .replace(/["\\\0-\x1f\x7f-\xff]|#(?=[{$@])/g, (found) => {
      if (found === '"' || found === "\\" || found === "#") return `\\${found}`;
      return NAMED_CONTROLS[found] ?? `\\x${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
    });
  return `"${escaped}"`;
}

export const NAMED_CONTROLS: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\v": "\\v", "\b": "\\b", "\x07": "\\a", "\x1b": "\\e" }; // biome-ignore format: a table

/** A text in quotes, as Ruby shows it. What is no letter of Unicode is escaped, the newline U+0085 and private ones are not. */
export function inspectText(text: string): string {
  const escaped = text.replace(
    /["\\\0-\x1f\x7f-\x84\x86-\x9f\p{Cn}\u2028\u2029\p{Surrogate}]|#(?=[{$@])/gu,
    (found) => {
      if (found === '"' || found === "\\" || found === "#") return `\\${found}`;
      const code = found.codePointAt(0) as number;
      if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16).toUpperCase()}`;
      if (NAMED_CONTROLS[found]) return NAMED_CONTROLS[found];
      const digits = code.toString(16).toUpperCase().padStart(4, "0");
      return code > 0xffff ? `\\u{${digits}}` : `\\u${digits}`;
    },
  );
  return `"${escaped}"`;
}
