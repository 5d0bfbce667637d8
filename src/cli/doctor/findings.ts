/** What `suiro doctor` finds. */

export interface Finding {
  /** `failed` needs somebody to do something, `warning` somebody to know. */
  readonly verdict: "ok" | "warning" | "failed";
  /** What was looked at: "buffer of out_1". */
  readonly subject: string;
  readonly message: string;
}

export const ok = (subject: string, message: string): Finding => ({ verdict: "ok", subject, message });
export const warning = (subject: string, message: string): Finding => ({ verdict: "warning", subject, message });
export const failed = (subject: string, message: string): Finding => ({ verdict: "failed", subject, message });

/** `1.5 GiB`. */
export function sizeText(bytes: number): string {
  const unit = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${["bytes", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}
