/** A source of numbers that gives the same ones for the same seed. */
export type Random = {
  /** 0 up to 1. */
  readonly next: () => number;
  /** A whole number, 0 up to `below`. */
  readonly int: (below: number) => number;
  /** True with this probability; draws nothing for 0 and 1, so that a fault that is off changes no later draw. */
  readonly hits: (probability: number) => boolean;
  readonly pick: <T>(list: readonly [T, ...T[]]) => T;
  /** An independent source with the same seed and another name: what one part draws does not move another's draws. */
  readonly fork: (name: string) => Random;
};

const UINT32 = 0x1_0000_0000;

export const createRandom = (seed: number | string): Random => {
  const next = sfc32(seedWords(String(seed)));
  const int = (below: number): number => Math.floor(next() * below);
  return {
    next,
    int,
    hits: (probability) => probability >= 1 || (probability > 0 && next() < probability),
    pick: (list) => list[int(list.length)] ?? list[0],
    fork: (name) => createRandom(`${seed}/${name}`),
  };
};

/** "Small fast counting" generator, 32 bits: passes PractRand, period of at least 2^32. */
const sfc32 = ([seedA, seedB, seedC]: readonly [number, number, number]): (() => number) => {
  let a = seedA;
  let b = seedB;
  let c = seedC;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / UINT32;
  };
  // Similar seeds give similar first numbers.
  for (let i = 0; i < 15; i++) next();
  return next;
};

/** Three words that differ in all bits for seeds that differ in one: FNV-1a with three offsets and a final mix. */
const seedWords = (seed: string): readonly [number, number, number] => [
  hash32(seed, 0x811c9dc5),
  hash32(seed, 0x9e3779b9),
  hash32(seed, 0x85ebca6b),
];

const hash32 = (text: string, offset: number): number => {
  let hash = offset;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16);
};
