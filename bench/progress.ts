/** How far the benchmark is: one line that rewrites itself on a terminal, a line per measurement elsewhere. */

const CLEAR_LINE = "\r\x1b[2K";
const BAR_CELLS = 24;

export class Progress {
  readonly #total: number;
  readonly #isTerminal = process.stderr.isTTY ?? false;
  readonly #startedAt = Date.now();
  #done = 0;
  #title = "";

  constructor(total: number) {
    this.#total = total;
  }

  begin(title: string): void {
    this.#title = title;
    this.phase("starts");
  }

  /** What the current measurement does. */
  phase(phase: string): void {
    if (!this.#isTerminal) return;
    const filled = Math.round((this.#done / this.#total) * BAR_CELLS);
    const bar = "█".repeat(filled).padEnd(BAR_CELLS, "░");
    process.stderr.write(`${CLEAR_LINE}${bar} ${this.#done}/${this.#total}${this.#rest()}  ${this.#title} ${phase}`);
  }

  end(outcome: string): void {
    this.#done += 1;
    const clear = this.#isTerminal ? CLEAR_LINE : "";
    process.stderr.write(`${clear}[${this.#done}/${this.#total}] ${this.#title}: ${outcome}\n`);
  }

  /** About how long it will take, from what was done. */
  #rest(): string {
    if (this.#done === 0) return "";
    const seconds = ((Date.now() - this.#startedAt) / 1000 / this.#done) * (this.#total - this.#done);
    return seconds < 90 ? `, ${Math.ceil(seconds)} s left` : `, ${Math.ceil(seconds / 60)} min left`;
  }
}
