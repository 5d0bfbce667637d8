/** From bytes of an encoding to text, by the names that Ruby gives to encodings. */

/** What means nothing in the encoding becomes U+FFFD. With `isPart` the rest of a letter may come with the next bytes. */
export type DecodeText = (bytes: Uint8Array, isPart?: boolean) => string;

/** Ruby's names that the standard's decoders do not know. */
const ALIASES: Readonly<Record<string, string>> = {
  cp932: "windows-31j",
  cswindows31j: "windows-31j",
  eucjp: "euc-jp",
  "eucjp-ms": "euc-jp",
  cp936: "gbk",
  cp949: "euc-kr",
  "utf8-mac": "utf-8",
};

const ASCII = new Set(["us-ascii", "ascii", "ascii-8bit", "binary"]);
const LATIN_1 = new Set(["iso-8859-1", "iso8859-1"]);

/** Undefined for encodings that are not known. The decoder is for one stream at a time. */
export function textDecoder(encoding: string): DecodeText | undefined {
  const name = encoding.toLowerCase().replaceAll("_", "-");
  if (LATIN_1.has(name)) return latin1;
  if (ASCII.has(name)) return (bytes) => latin1(bytes).replace(/[\x80-\xff]/g, "\ufffd");
  try {
    const standard = new TextDecoder(ALIASES[name] ?? name, { ignoreBOM: true });
    return (bytes, isPart = false) => standard.decode(bytes, { stream: isPart });
  } catch {
    return undefined;
  }
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
