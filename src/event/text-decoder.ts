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
/** What the standard takes for Windows' encoding of the same letters, and so gives signs where Ruby has controls. */
const LATIN_5 = new Set(["iso-8859-9", "iso8859-9"]);
const LATIN_5_LETTERS: Readonly<Record<string, string>> = { Ð: "Ğ", Ý: "İ", Þ: "Ş", ð: "ğ", ý: "ı", þ: "ş" };
/** Node 20 decodes it as Latin-1. */
const WINDOWS_1252 = new Set(["windows-1252", "cp1252"]);
const WINDOWS_1252_SIGNS = "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ";
/** Encodings in which bytes from 0x80 on may be controls, or letters of private use. */
const WITH_CONTROLS = /^(?:utf|iso-?8859|koi8|gb18030|windows-31j)/;

/** Undefined for encodings that are not known. The decoder is for one stream at a time. */
export function textDecoder(encoding: string): DecodeText | undefined {
  const name = encoding.toLowerCase().replaceAll("_", "-");
  if (LATIN_1.has(name)) return latin1;
  if (LATIN_5.has(name))
    return (bytes) => latin1(bytes).replace(/[ÐÝÞðýþ]/g, (letter) => LATIN_5_LETTERS[letter] as string);
  if (WINDOWS_1252.has(name)) {
    return (bytes) =>
      latin1(bytes).replace(/[\x80-\x9f]/g, (sign) => WINDOWS_1252_SIGNS[sign.charCodeAt(0) - 0x80] as string);
  }
  if (ASCII.has(name)) return (bytes) => latin1(bytes).replace(/[\x80-\xff]/g, "\ufffd");
  try {
    const known = ALIASES[name] ?? name;
    const standard = new TextDecoder(known, { ignoreBOM: true });
    const decode = (bytes: Uint8Array, isPart = false) => standard.decode(bytes, { stream: isPart });
    if (WITH_CONTROLS.test(known)) return decode;
    return (bytes, isPart) => decode(bytes, isPart).replace(/[\x80-\x9f\ue000-\uf8ff]/g, "\ufffd");
  } catch {
    return undefined;
  }
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
