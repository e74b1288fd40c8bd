import type { Chance, Clock } from '@baton/runtime';
import { createRandom, type Random } from './random.ts';

/**
 * Ids and random numbers from a seed. Task ids are UUIDv7 made of the clock's time, so that they sort by virtual time;
 * inside one millisecond they sort by a counter.
 */
export const createSeededChance = (clock: Pick<Clock, 'now'>, seed: number | string): Chance => {
  const random = createRandom(seed);
  const prefix = letters(random, 6);
  const uuids = createUuids(clock, random.fork('uuid'));
  let nonces = 0;
  return {
    uuid: uuids,
    nonce: () => `${prefix}${(nonces++).toString(36)}`,
    random: random.next,
  };
};

const createUuids = (clock: Pick<Clock, 'now'>, random: Random): (() => string) => {
  let last = 0;
  let count = 0;
  return () => {
    // A wall clock may step back; ids made by one process must not.
    const now = Math.max(Math.floor(clock.now()), last);
    count = now === last ? count + 1 : 0;
    last = now;
    const time = hex(now, 12);
    const variant = (0x8 | random.int(4)).toString(16);
    const tail = `${variant}${hex(random.int(0x1000), 3)}-${hex(random.int(0x1000000), 6)}${hex(random.int(0x1000000), 6)}`;
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(count & 0xfff, 3)}-${tail}`;
  };
};

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const letters = (random: Random, length: number): string =>
  Array.from({ length }, () => (10 + random.int(26)).toString(36)).join('');
