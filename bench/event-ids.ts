/** The id that every event of a cycle has, as text: `id-` and seven digits, wherever in its record it stands. */

const MARK = Buffer.from("id-");
const DIGITS = 7;

export function eventId(index: number): string {
  return `${MARK.toString()}${String(index).padStart(DIGITS, "0")}`;
}

/** The index of the event whose entry is `entries[start, end)`; -1 when it is none of this benchmark's. */
export function eventIndex(entries: Buffer, start: number, end: number): number {
  const mark = entries.indexOf(MARK, start);
  if (mark < 0 || mark + MARK.length + DIGITS > end) return -1;
  let index = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    index = index * 10 + (entries[mark + MARK.length + digit] as number) - 0x30;
  }
  return index >= 0 ? index : -1;
}
