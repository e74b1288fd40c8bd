import { DATA_DEPTH, DATA_NODES } from './limits.ts';

/** A value that cannot travel: a function, a cycle, a BigInt, something too deep. The message names the place. */
export class EncodeError extends TypeError {
  override readonly name = 'EncodeError';
  readonly code = 'NOT_PLAIN_DATA';
}

/**
 * `value` as plain data: JSON-like values, Date and Uint8Array (behaviour X4). What JSON leaves out or changes without a
 * word is refused here, apart from undefined: such members are left out, in lists it becomes null. Throws EncodeError.
 */
export const plainOf = (value: unknown, most: number = DATA_NODES): unknown => {
  const walk: Walk = { nodes: 0, most, path: [] };
  return visit(value, 0, walk) ?? null;
};

type Walk = { nodes: number; readonly most: number; readonly path: (string | number)[] };

/** The depth is bounded, so a cycle ends soon and so does this recursion. */
const visit = (value: unknown, depth: number, walk: Walk): unknown => {
  if (++walk.nodes > walk.most) throw fault(`more than ${walk.most} values (or a cycle)`, walk);
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw fault('a string with a lone surrogate', walk);
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw fault(`the number ${value}`, walk);
      return value;
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : visitObject(value, depth, walk);
    case 'bigint':
    case 'symbol':
    case 'function':
      throw fault(`a ${typeof value}`, walk);
  }
};

const visitObject = (value: object, depth: number, walk: Walk): unknown => {
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw fault('an invalid Date', walk);
    return value;
  }
  if (depth >= DATA_DEPTH) throw fault(`deeper than ${DATA_DEPTH} levels (or a cycle)`, walk);
  if (Array.isArray(value)) return visitList(value, depth, walk);
  if (!isPlain(value)) throw fault(`a ${nameOf(value)} object`, walk);
  return visitMap(value as Readonly<Record<string, unknown>>, depth, walk);
};

const visitList = (list: readonly unknown[], depth: number, walk: Walk): readonly unknown[] => {
  if (list.length > walk.most - walk.nodes) throw fault(`more than ${walk.most} values (or a cycle)`, walk);
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    walk.path.push(i);
    const plain = visit(item, depth + 1, walk);
    walk.path.pop();
    if (copy === undefined && (plain !== item || plain === undefined)) copy = list.slice(0, i);
    copy?.push(plain ?? null);
  }
  return copy ?? list;
};

const visitMap = (map: Readonly<Record<string, unknown>>, depth: number, walk: Walk): object => {
  const keys = Object.keys(map);
  const copy: Record<string, unknown> = {};
  let same = true;
  for (const key of keys) {
    // The decoder renames it to keep it harmless; what is read must be what was sent.
    if (key === '__proto__') throw fault("the key '__proto__'", walk);
    if (!key.isWellFormed()) throw fault('a key with a lone surrogate', walk);
    const member = map[key];
    walk.path.push(key);
    const plain = visit(member, depth + 1, walk);
    walk.path.pop();
    if (plain !== member || plain === undefined) same = false;
    if (plain !== undefined) copy[key] = plain;
  }
  return same ? map : copy;
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

const fault = (what: string, walk: Walk): EncodeError => {
  const steps = walk.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
  // A cycle has a long way to itself: the beginning tells enough.
  const shown = steps.length > 8 ? [...steps.slice(0, 8), '...'] : steps;
  return new EncodeError(`not plain data: ${what} at $${shown.join('').slice(0, 300)}`.toWellFormed());
};
