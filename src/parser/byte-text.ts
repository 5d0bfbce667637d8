/** Texts whose every character is one byte: what parsers cut apart. A line of a file comes as such and goes out as such. */

/** The bytes of `text` in UTF-8, one character each. For what the configuration gives. */
export function toByteText(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text).toString("latin1") : text;
}

export const BEYOND_ASCII = /[^\0-\x7f]/;
