/** Makes new inputs of known ones: bits, bytes, lengths, pieces cut, doubled, moved, and taken from one another. */

/** Numbers in a fixed order for a seed, from 0 up to 1. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];

export class Mutator {
  readonly #random: () => number;
  readonly #words: readonly Buffer[];
  readonly #mostBytes: number;

  constructor(random: () => number, words: readonly Buffer[], mostBytes: number) {
    this.#random = random;
    this.#words = words;
    this.#mostBytes = mostBytes;
  }

  /** A new input from two of `inputs`. */
  mutate(inputs: readonly Buffer[]): Buffer {
    let bytes: Buffer = Buffer.from(this.#pick(inputs));
    const other = this.#pick(inputs);
    for (let changes = 1 + this.#below(4); changes > 0; changes--) bytes = this.#change(bytes, other);
    return bytes.subarray(0, this.#mostBytes);
  }

  #change(bytes: Buffer, other: Buffer): Buffer {
    const at = this.#below(bytes.length + 1);
    const length = 1 + this.#below(Math.min(64, bytes.length + 1));
    switch (this.#below(9)) {
      case 0:
        return this.#put(bytes, at, Buffer.from([(bytes[at] ?? 0) ^ (1 << this.#below(8))]));
      case 1:
        return this.#put(bytes, at, Buffer.from([this.#below(256)]));
      case 2:
        return this.#put(bytes, at, this.#edge());
      case 3:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
      case 4:
        return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
      case 5:
        return Buffer.concat([bytes.subarray(0, at), this.#edge(), bytes.subarray(at)]);
      case 6: {
        const word = this.#words.length > 0 ? this.#pick(this.#words) : this.#edge();
        return Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at + (this.#below(2) ? 0 : word.length))]);
      }
      case 7: {
        const from = this.#below(other.length + 1);
        return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + length * 4), bytes.subarray(at)]);
      }
      default:
        return Buffer.concat([bytes.subarray(0, at), other.subarray(Math.min(at, other.length))]);
    }
  }

  #put(bytes: Buffer, at: number, piece: Buffer): Buffer {
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)]);
  }

  /** A number at which code changes its mind, in 1, 2 or 4 bytes. */
  #edge(): Buffer {
    const width = 1 << this.#below(3);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#pick(EDGES));
    return bytes.subarray(4 - width);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
