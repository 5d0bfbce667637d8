/** Times of embedded Ruby: a moment to the nanosecond, shown in local time, in UTC or at a fixed offset. */

import { strftime } from "./strftime.ts";

export class RubyTime {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Minutes east of UTC; undefined for local time. */
  readonly offsetMinutes: number | undefined;
  readonly isUtc: boolean;

  constructor(seconds: number, nanoseconds: number, zone: "local" | "utc" | number = "local") {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
    this.isUtc = zone === "utc";
    this.offsetMinutes = zone === "local" ? undefined : zone === "utc" ? 0 : zone;
  }

  static fromMilliseconds(epochMs: number): RubyTime {
    const seconds = Math.floor(epochMs / 1000);
    return new RubyTime(seconds, Math.round((epochMs - seconds * 1000) * 1e6));
  }

  /** From seconds with a fraction, cut below the nanosecond. */
  static fromSeconds(value: number): RubyTime {
    const seconds = Math.floor(value);
    return new RubyTime(seconds, Math.floor((value - seconds) * 1e9));
  }

  /** The same moment shown elsewhere. */
  in(zone: "local" | "utc" | number): RubyTime {
    return new RubyTime(this.seconds, this.nanoseconds, zone);
  }

  plus(seconds: number): RubyTime {
    const whole = Math.floor(seconds);
    const nanoseconds = this.nanoseconds + Math.round((seconds - whole) * 1e9);
    const carry = Math.floor(nanoseconds / 1e9);
    const zone = this.isUtc ? "utc" : (this.offsetMinutes ?? "local");
    return new RubyTime(this.seconds + whole + carry, nanoseconds - carry * 1e9, zone);
  }

  compare(other: RubyTime): number {
    return Math.sign(this.seconds - other.seconds || this.nanoseconds - other.nanoseconds);
  }

  format(format: string): string {
    return strftime(format, this);
  }

  /** What `to_s` gives. */
  get text(): string {
    return this.format(this.isUtc ? "%Y-%m-%d %H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S %z");
  }

  /** What `inspect` gives: with the fraction, as far as it is not zero. */
  get shown(): string {
    const fraction = this.nanoseconds === 0 ? "" : this.format(".%N").replace(/0+$/, "");
    return this.format(`%Y-%m-%d %H:%M:%S${fraction} ${this.isUtc ? "UTC" : "%z"}`);
  }
}

/** `DateTime`: always at a fixed offset, in minutes. */
export class RubyDateTime extends RubyTime {
  constructor(seconds: number, nanoseconds: number, offsetMinutes: number) {
    super(seconds, nanoseconds, offsetMinutes);
  }

  /** Knows `%Q`, the milliseconds since 1970, which `Time` does not. */
  override format(format: string): string {
    const milliseconds = this.seconds * 1000 + Math.floor(this.nanoseconds / 1e6);
    return super.format(
      format.replace(/%[%Q]/g, (directive) => (directive === "%Q" ? String(milliseconds) : directive)),
    );
  }

  override get text(): string {
    return this.format("%Y-%m-%dT%H:%M:%S%:z");
  }

  override get shown(): string {
    return this.text;
  }

  toTime(): RubyTime {
    return new RubyTime(this.seconds, this.nanoseconds, this.offsetMinutes);
  }
}
