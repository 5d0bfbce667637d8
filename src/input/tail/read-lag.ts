/** How long the first unread byte of a file has been waiting, from marks of when the file was seen to have which size. */

/** A file that is far behind has no more; neighbours become one then, with the earlier time. */
const MARKS = 64;

interface Mark {
  /** Size of the file. */
  readonly bytes: number;
  readonly atMs: number;
}

export class ReadLag {
  #marks: Mark[] = [];

  /** The file has `bytes` at `atMs`; all below `position` is handed over. */
  saw(bytes: number, position: number, atMs: number): void {
    this.#forget(position);
    if (bytes <= Math.max(position, this.#marks.at(-1)?.bytes ?? 0)) return;
    this.#marks.push({ bytes, atMs });
    if (this.#marks.length <= MARKS) return;
    this.#marks = this.#marks.flatMap((mark, index, marks) => {
      if (index % 2 === 1) return [];
      return [{ bytes: (marks[index + 1] ?? mark).bytes, atMs: mark.atMs }];
    });
  }

  /** 0 where everything that was seen is handed over. */
  seconds(position: number, nowMs: number): number {
    this.#forget(position);
    const [first] = this.#marks;
    return first ? (nowMs - first.atMs) / 1000 : 0;
  }

  #forget(position: number): void {
    let passed = 0;
    while (passed < this.#marks.length && (this.#marks[passed] as Mark).bytes <= position) passed += 1;
    if (passed > 0) this.#marks.splice(0, passed);
  }
}
