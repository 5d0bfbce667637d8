/**
 * The CRC-32 of bytes that stand behind each other, from the CRC-32 of each part: whoever has summed up a part already
 * does not read it again. In the polynomials over GF(2) that is first · x^(8n) + second, modulo the CRC's polynomial.
 * Source: zlib 1.3 crc32_combine; the bits of a number stand for x^0 (the highest) to x^31.
 */

const POLYNOMIAL = 0xedb88320;
const ONE = 1 << 31;

/** x^(2^k) for each k, modulo the polynomial. */
const squares = new Int32Array(32);
squares[0] = 1 << 30;
for (let k = 1; k < squares.length; k++) squares[k] = multiply(squares[k - 1] as number, squares[k - 1] as number);

/** The CRC-32 of first and second; `secondBytes` is the length of the second. */
export function joinedChecksum(first: number, second: number, secondBytes: number): number {
  return (multiply(shiftBy(secondBytes), first) ^ second) >>> 0;
}

/** x^(8 · bytes), modulo the polynomial. */
function shiftBy(bytes: number): number {
  let product = ONE;
  for (let rest = bytes, k = 3; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) product = multiply(squares[k % squares.length] as number, product);
  }
  return product;
}

function multiply(left: number, right: number): number {
  let product = 0;
  let shifted = right;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (left & bit) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product;
}
