/**
 * A float as Ruby prints it: always with a fraction; with an exponent below 1e-4, and from 1e15 on unless it has digits
 * behind the point. Source: Ruby 3.1 `Float#to_s`.
 */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  const isWhole = Number.isInteger(value);
  if (size >= 1e-4 && (size < 1e15 || !isWhole)) return isWhole ? `${value}.0` : String(value);
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  const sign = exponent.startsWith("-") ? "-" : "+";
  return `${digits.includes(".") ? digits : `${digits}.0`}e${sign}${exponent.slice(1).padStart(2, "0")}`;
}
