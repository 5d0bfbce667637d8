/** Where two values of JSON differ: `record.a.b[2]: expected 4, got 3`. */

const MOST = 10;

/** Undefined is a value that is not there. Gives at most ten places, and how many more there are. */
export function differingPlaces(expected: unknown, got: unknown, at: string): string[] {
  const places = [...differing(expected, got, at)];
  const more = places.length - MOST;
  return more > 0 ? [...places.slice(0, MOST), `… and ${more} more`] : places;
}

function* differing(expected: unknown, got: unknown, at: string): Generator<string> {
  if (Array.isArray(expected) && Array.isArray(got)) {
    for (let index = 0; index < Math.max(expected.length, got.length); index++) {
      yield* differing(expected[index], got[index], `${at}[${index}]`);
    }
  } else if (isMap(expected) && isMap(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      const place = /^[\w-]+$/.test(key) ? `${at}.${key}` : `${at}[${JSON.stringify(key)}]`;
      yield* differing(expected[key], got[key], place);
    }
  } else if (expected !== got) yield `${at}: expected ${shown(expected)}, got ${shown(got)}`;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
