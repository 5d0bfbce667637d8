/** Where the parts of a gzip member stand. Source: RFC 1952 section 2.3. */

/** CRC-32 and length of what the member holds, u32 each, little-endian. */
export const GZIP_TRAILER_BYTES = 8;

const MAGIC = [0x1f, 0x8b, 0x08];
const HAS_HEADER_CHECKSUM = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;

/** Where the deflated bytes begin in the member that `bytes` begin with; "foreign" when it is none, "torn" when its header goes on. */
export function gzipHeaderBytes(bytes: Buffer): number | "torn" | "foreign" {
  if (MAGIC.some((byte, index) => index < bytes.length && bytes[index] !== byte)) return "foreign";
  if (bytes.length < 10) return "torn";
  const flags = bytes[3] as number;
  let end = 10;
  if (flags & HAS_EXTRA) end += 2 + (bytes.length >= end + 2 ? bytes.readUInt16LE(end) : 0);
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if (!(flags & flag)) continue;
    const nul = bytes.indexOf(0, end);
    if (nul < 0) return "torn";
    end = nul + 1;
  }
  if (flags & HAS_HEADER_CHECKSUM) end += 2;
  return end < bytes.length ? end : "torn";
}
