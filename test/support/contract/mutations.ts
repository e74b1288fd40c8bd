/** A value that was changed in one place. */
export type Mutation = { readonly what: string; readonly value: unknown };

/** What is put in the place of anything: every kind of value, and the ends of their ranges. */
const REPLACEMENTS: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 1.5, 2 ** 53 - 1, 2 ** 53, 8.64e15, 8.64e15 + 2, '', 'x', 'pending', 'normal'],
  ...[[], {}, [{}], new Uint8Array([0x91, 1]), { object: 'o', size: 1, digest: 'd' }, { count: 1 }, { fraction: 2 }],
];

/**
 * The value with one place changed after the other: taken away, or replaced by something of every kind. `$hex` stands for
 * bytes, and is one place.
 */
export const mutationsOf = (value: unknown): readonly Mutation[] =>
  placesIn(value).flatMap((path) => {
    const what = path.join('.');
    // The picture of bytes is a map: in the place of one the schema could not tell.
    const fitting = isMap(at(value, path)) ? REPLACEMENTS.filter((by) => !(by instanceof Uint8Array)) : REPLACEMENTS;
    const replaced = fitting.map((by) => ({
      what: `${what} replaced by ${by instanceof Uint8Array ? 'bytes' : JSON.stringify(by)}`,
      value: changed(value, path, by),
    }));
    return [{ what: `${what} taken away`, value: changed(value, path, undefined) }, ...replaced];
  });

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inside, key) => (inside as Readonly<Record<string | number, unknown>>)[key], value);

type Path = readonly (string | number)[];

const placesIn = (value: unknown, path: Path = []): readonly Path[] => {
  const inside = Array.isArray(value)
    ? [...value.keys()].flatMap((i) => placesIn(value[i], [...path, i]))
    : isMap(value)
      ? Object.keys(value).flatMap((key) => placesIn(value[key], [...path, key]))
      : [];
  return path.length === 0 ? inside : [path, ...inside];
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !('$hex' in value);

/** With bytes in the place of their picture. */
const changed = (value: unknown, [key, ...rest]: Path, by: unknown): unknown => {
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    const list = value.map(real);
    if (rest.length === 0 && by === undefined) return list.filter((_, i) => i !== key);
    return list.with(key as number, changed(value[key as number], rest, by));
  }
  const map = value as Readonly<Record<string, unknown>>;
  const entries = Object.entries(map).flatMap(([name, member]) => {
    if (name !== key) return [[name, real(member)] as const];
    const next = changed(member, rest, by);
    return next === undefined ? [] : [[name, next] as const];
  });
  return Object.fromEntries(entries);
};

/** Pictures of bytes become bytes. */
export const real = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(real);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if ('$hex' in value && typeof value.$hex === 'string') return Uint8Array.from(Buffer.from(value.$hex, 'hex'));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, real(member)]));
};
