import type { Fields, Kind } from './kind.ts';
import { BYTES_SCHEMA, formed, type SchemaPart } from './kind-forms.ts';
import {
  isBytes,
  position,
  readBoolean,
  readBytes,
  readListSize,
  readMapSize,
  readNumber,
  readText,
  readWord,
  since,
  skip,
  UNUSUAL,
} from './msgpack-read.ts';
import {
  closeMap,
  openMap,
  writeBoolean,
  writeBytes,
  writeListSize,
  writeNumber,
  writeRaw,
  writeText,
} from './msgpack-write.ts';

/** A kind of numbers, or of text, by what is asked of them beyond that. */
const numberWhere = (schema: SchemaPart, check: (value: unknown) => boolean): Kind =>
  formed(
    {
      check,
      read: () => {
        const value = readNumber();
        if (!check(value)) throw UNUSUAL;
        return value;
      },
      write: (value) => {
        if (!check(value)) throw UNUSUAL;
        writeNumber(value as number);
      },
    },
    { of: 'value', schema },
  );

const LATEST = 8.64e15;
const WHOLE = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

/** Milliseconds, as far as a Date goes. */
export const time = numberWhere(
  { type: 'number', minimum: 0, maximum: LATEST },
  (v) => typeof v === 'number' && v >= 0 && v <= LATEST,
);
export const amount = numberWhere(
  { type: 'number', minimum: 0 },
  (v) => typeof v === 'number' && Number.isFinite(v) && v >= 0,
);
export const whole = numberWhere(WHOLE, (v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0);
export const above0 = numberWhere({ ...WHOLE, minimum: 1 }, (v) => whole.check(v) && v !== 0);
/** 0 to 1. */
export const share = numberWhere(
  { type: 'number', minimum: 0, maximum: 1 },
  (v) => typeof v === 'number' && v >= 0 && v <= 1,
);

const isText = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed();
const putText = (value: unknown): void => {
  if (typeof value !== 'string') throw UNUSUAL;
  writeText(value);
};

const TEXT = { of: 'value', schema: { type: 'string' } } as const;

/** Well-formed: the scan has seen to that. */
export const text = formed({ check: isText, read: readText, write: putText }, TEXT);
/** Text that many records share. */
export const word = formed({ check: isText, read: readWord, write: putText }, TEXT);

const booleanWhere = (schema: SchemaPart, check: (value: unknown) => boolean): Kind =>
  formed(
    {
      check,
      read: () => {
        const value = readBoolean();
        if (!check(value)) throw UNUSUAL;
        return value;
      },
      write: (value) => {
        if (!check(value)) throw UNUSUAL;
        writeBoolean(value as boolean);
      },
    },
    { of: 'value', schema },
  );

export const yes = booleanWhere({ const: true }, (v) => v === true);
export const flag = booleanWhere({ type: 'boolean' }, (v) => typeof v === 'boolean');

export const oneOf = (...allowed: readonly string[]): Kind => {
  const set = new Set<unknown>(allowed);
  const check = (value: unknown): boolean => set.has(value);
  const kind = {
    check,
    read: () => {
      const value = readWord();
      if (!set.has(value)) throw UNUSUAL;
      return value;
    },
    write: (value: unknown) => {
      if (!set.has(value)) throw UNUSUAL;
      writeText(value as string);
    },
  };
  return formed(kind, { of: 'value', schema: { enum: allowed } });
};

export const bytes = formed(
  {
    check: (value) => value instanceof Uint8Array,
    read: readBytes,
    write: (value) => {
      if (!(value instanceof Uint8Array)) throw UNUSUAL;
      writeBytes(value);
    },
  },
  { of: 'value', schema: BYTES_SCHEMA },
);

/** Bytes, or what stands for them. */
export const bytesOr = (other: Kind): Kind =>
  formed(
    {
      check: (value) => value instanceof Uint8Array || other.check(value),
      read: () => (isBytes() ? readBytes() : other.read()),
      write: (value) => {
        if (value instanceof Uint8Array) writeBytes(value);
        else other.write(value);
      },
    },
    { of: 'bytes or', other },
  );

export const listOf = (kind: Kind): Kind =>
  formed(
    {
      check: (value) => Array.isArray(value) && value.every((item) => kind.check(item)),
      read: () => {
        const size = readListSize();
        const list: unknown[] = [];
        for (let i = 0; i < size; i++) list.push(kind.read());
        return list;
      },
      write: (value) => {
        if (!Array.isArray(value)) throw UNUSUAL;
        writeListSize(value.length);
        for (let i = 0; i < value.length; i++) kind.write(value[i]);
      },
    },
    { of: 'list', item: kind },
  );

/** A kind whose values hold to more than that kind says; `also` says the same of its form, or which kinds it is one of. */
export const where = (
  kind: Kind,
  holds: (value: unknown) => boolean,
  also: SchemaPart | (() => readonly Kind[]),
): Kind =>
  formed(
    {
      check: (value) => kind.check(value) && holds(value),
      read: () => {
        const value = kind.read();
        if (!holds(value)) throw UNUSUAL;
        return value;
      },
      write: (value) => {
        if (!holds(value)) throw UNUSUAL;
        kind.write(value);
      },
    },
    { of: 'narrower', kind, also },
  );

/** What is mostly the same from one record to the next: the last values are kept, and are not read again. */
export const repeated = (kind: Kind): Kind => {
  const kept: { readonly bytes: Uint8Array; readonly value: unknown }[] = [];
  let oldest = 0;
  const read = (): unknown => {
    for (const { bytes: known, value } of kept) if (skip(known)) return value;
    const start = position();
    const value = kind.read();
    kept[oldest] = { bytes: since(start), value };
    oldest = (oldest + 1) % REPEATED;
    return value;
  };
  return formed({ ...kind, read }, { of: 'later', kind: () => kind });
};

const REPEATED = 4;

/** One of itself inside: how deep they may be nested is for the scan to say, so deep ones are not usual. */
export const nested = (kind: () => Kind): Kind => {
  let depth = 0;
  const deeper = <T>(act: () => T): T => {
    if (depth >= NESTED) throw UNUSUAL;
    depth++;
    try {
      return act();
    } finally {
      depth--;
    }
  };
  const deep = {
    check: (value: unknown) => kind().check(value),
    read: () => deeper(() => kind().read()),
    write: (value: unknown) => deeper(() => kind().write(value)),
  };
  return formed(deep, { of: 'later', kind });
};

const NESTED = 8;

type Field = { readonly name: string; readonly kind: Kind; readonly key: Uint8Array; readonly bit: number };

/** How a map of 16 fields and more is put together: what was found goes into what `begin` makes, and `end` makes the map. */
export type Builder<T extends object = never> = { readonly begin: () => T; readonly end: (found: T) => object };

/** A map. Fields it does not know are let through by `check`, and are not usual. */
export const mapOf = <T extends object>(required: Fields, optional: Fields = {}, builder?: Builder<T>): Kind => {
  const fields = fieldsOf(required, optional);
  const all = 2 ** Object.keys(required).length - 1;
  const byName = new Map(fields.map((field) => [field.name, field]));
  // So that the place for the size is as wide as most of them need.
  const most = builder === undefined ? 15 : fields.length;
  const map: Kind = {
    check: (value) => faultIn(value, required, optional) === undefined,
    read: () => {
      const made = builder?.begin();
      const found = (made ?? {}) as Record<string, unknown>;
      let seen = 0;
      let next = 0;
      for (let left = readMapSize(); left > 0; left--) {
        next = placeOf(fields, next);
        const { name, kind, bit } = fields[next++]!;
        found[name] = kind.read();
        seen |= bit;
      }
      if (seen !== all) throw UNUSUAL;
      return made === undefined ? found : builder?.end(made);
    },
    write: (value) => {
      if (!isMap(value)) throw UNUSUAL;
      const place = openMap(most);
      let size = 0;
      let seen = 0;
      // Its own fields in its own order: there are twice as many as one record has.
      for (const name in value) {
        const field = byName.get(name);
        // A field it does not know, or one that is there and undefined, which is refused.
        if (field === undefined) throw UNUSUAL;
        writeRaw(field.key);
        field.kind.write(value[name]);
        seen |= field.bit;
        size++;
      }
      if (seen !== all || size > most) throw UNUSUAL;
      closeMap(place, most, size);
    },
  };
  return formed(map, { of: 'map', required, optional });
};

const fieldsOf = (required: Fields, optional: Fields): readonly Field[] => {
  const isRequired = new Map(Object.keys(required).map((name, i) => [name, 2 ** i]));
  return Object.entries({ ...required, ...optional }).map(([name, kind]) => ({
    name,
    kind,
    key: Uint8Array.of(0xa0 | name.length, ...Buffer.from(name, 'latin1')),
    bit: isRequired.get(name) ?? 0,
  }));
};

/** Which field's name comes next: mostly the one behind the last, or one of those behind it. */
const placeOf = (fields: readonly Field[], from: number): number => {
  const { length } = fields;
  for (let i = 0; i < length; i++) {
    const place = from + i < length ? from + i : from + i - length;
    if (skip(fields[place]!.key)) return place;
  }
  throw UNUSUAL;
};

/** Neither a list, nor bytes, nor a time. */
const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Date);

/** The first field that is not as it should be, or undefined. */
export const faultIn = (value: unknown, required: Fields, optional: Fields): string | undefined => {
  if (!isMap(value)) return 'not a map';
  const map = value;
  for (const name in required) if (!required[name]?.check(map[name])) return `field '${name}'`;
  for (const name in optional) {
    const field = map[name];
    // Absent is fine; there and undefined is not: it would be written as something nobody reads.
    if (field === undefined ? name in map : !optional[name]?.check(field)) return `field '${name}'`;
  }
  return undefined;
};
