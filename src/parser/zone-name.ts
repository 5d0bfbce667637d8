/** Zones as they stand in times. Source: Ruby 3.1 `Time.zone_offset`. */

const HOURS: Record<string, number> = {
  UTC: 0, Z: 0, UT: 0, GMT: 0,
  EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7,
}; // biome-ignore format: a table

/** Letters of the military zones, from `A`, an hour east; J is left out, N to Y go west. */
const EAST = "ABCDEFGHIKLM";
const WEST = "NOPQRSTUVWXY";

/** Seconds east of UTC, or undefined for a name that says nothing to Ruby either: then the time is local. */
export function zoneOffset(name: string): number | undefined {
  const numeric = /^([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?$/.exec(name);
  if (numeric) {
    const [, sign, hours, minutes = "0", seconds = "0"] = numeric;
    const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return sign === "-" ? -offset : offset;
  }
  const letter = name.toUpperCase();
  const hours = HOURS[letter] ?? (letter.length === 1 ? militaryHours(letter) : undefined);
  return hours === undefined ? undefined : hours * 3600;
}

function militaryHours(letter: string): number | undefined {
  if (EAST.includes(letter)) return EAST.indexOf(letter) + 1;
  return WEST.includes(letter) ? -(WEST.indexOf(letter) + 1) : undefined;
}
