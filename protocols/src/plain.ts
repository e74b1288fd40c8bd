import { DATA_DEPTH } from './limits.ts';
import {
  closeMap,
  openMap,
  writeAnyListSize,
  writeAnyNumber,
  writeAnyText,
  writeBoolean,
  writeBytes,
  writeNull,
  writeTime,
} from './msgpack-write.ts';

/** A value that cannot travel: a function, a cycle, a BigInt, something too deep. The message names the place. */
export class EncodeError extends TypeError {
  override readonly name = 'EncodeError';
  readonly code = 'NOT_PLAIN_DATA';
}

/**
 * Writes `value` as plain data: JSON-like values, Date and Uint8Array (behaviour X4). What JSON leaves out or changes without
 * a word is refused here, apart from undefined: such members are left out, in lists it becomes null. Every member is read
 * once, so what is checked is what is written, whatever a getter answers. Returns how many values it wrote. Throws
 * EncodeError, and what a getter throws.
 */
export const writePlain = (value: unknown, most: number): number => {
  const outer = walk;
  walk = { nodes: 0, left: 0, most, path: [] };
  try {
    visit(value, 0);
    return walk.nodes - walk.left;
  } finally {
    walk = outer;
  }
};

/** `left`: members that were left out. `path`: steps to where the walk is, as many as it is deep; what is behind them is left over. */
type Walk = { nodes: number; left: number; readonly most: number; readonly path: (string | number)[] };

let walk: Walk = { nodes: 0, left: 0, most: 0, path: [] };

/** The depth is bounded, so a cycle ends soon and so does this recursion. */
const visit = (value: unknown, depth: number): void => {
  if (++walk.nodes > walk.most) throw tooMany(depth);
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw fault('a string with a lone surrogate', depth);
      return writeAnyText(value);
    case 'number':
      if (!Number.isFinite(value)) throw fault(`the number ${value}`, depth);
      return writeAnyNumber(value);
    case 'boolean':
      return writeBoolean(value);
    case 'undefined':
      return writeNull();
    case 'object':
      return value === null ? writeNull() : visitObject(value, depth);
    case 'bigint':
    case 'symbol':
    case 'function':
      throw fault(`a ${typeof value}`, depth);
  }
};

const visitObject = (value: object, depth: number): void => {
  if (value instanceof Uint8Array) return writeBytes(value);
  if (value instanceof Date) {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw fault('an invalid Date', depth);
    return writeTime(ms);
  }
  if (depth >= DATA_DEPTH) throw fault(`deeper than ${DATA_DEPTH} levels (or a cycle)`, depth);
  if (Array.isArray(value)) return visitList(value, depth);
  if (!isPlain(value)) throw fault(`a ${nameOf(value)} object`, depth);
  return visitMap(value as Readonly<Record<string, unknown>>, depth);
};

const visitList = (list: readonly unknown[], depth: number): void => {
  const { length } = list;
  if (length > walk.most - walk.nodes) throw tooMany(depth);
  writeAnyListSize(length);
  for (let i = 0; i < length; i++) {
    walk.path[depth] = i;
    visit(list[i], depth + 1);
  }
};

const visitMap = (map: Readonly<Record<string, unknown>>, depth: number): void => {
  const keys = Object.keys(map);
  const place = openMap(keys.length);
  let size = 0;
  for (const key of keys) {
    walk.path[depth] = key;
    // The decoder renames it to keep it harmless; what is read must be what was sent.
    if (key === '__proto__') throw fault("the key '__proto__'", depth);
    if (!key.isWellFormed()) throw fault('a key with a lone surrogate', depth);
    const member = map[key];
    if (member === undefined) {
      // Counts all the same: looking for what is there is work too.
      walk.left++;
      if (++walk.nodes > walk.most) throw tooMany(depth);
      continue;
    }
    writeAnyText(key);
    visit(member, depth + 1);
    size++;
  }
  closeMap(place, keys.length, size);
};

/** An object literal, of this or of another realm, or one without a prototype. */
const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const nameOf = (value: object): string => {
  const maker: unknown = value.constructor;
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'class';
};

const tooMany = (depth: number): EncodeError => fault(`more than ${walk.most} values (or a cycle)`, depth);

const fault = (what: string, depth: number): EncodeError => {
  const steps = walk.path.slice(0, depth).map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
  // A cycle has a long way to itself: the beginning tells enough.
  const shown = steps.length > 8 ? [...steps.slice(0, 8), '...'] : steps;
  return new EncodeError(`not plain data: ${what} at $${shown.join('').slice(0, 300)}`.toWellFormed());
};
