import { inspect, types } from 'node:util';

/**
 * What a value is, as text, for people. Anything can be thrown, logged or returned: a Proxy, an object whose getters
 * throw, one with a million members. Nothing of it is called, and nothing here throws.
 */
export const describe = (value: unknown): string => {
  try {
    return typeof value === 'string' ? value : inspect(shortOf(value, DEPTH), OPTIONS);
  } catch {
    const [name, message] = [readMember(value, 'name'), readMember(value, 'message')];
    if (typeof message !== 'string') return `${kindOf(value)} that cannot be described`;
    return `${typeof name === 'string' ? name : kindOf(value)}: ${message}`;
  }
};

/** A member of a value; undefined when reading it throws. */
export const readMember = (value: unknown, name: string): unknown => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
};

/** Of this realm or of another, also behind a Proxy that lets itself be looked at. */
export const isError = (value: unknown): value is Error => {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false;
  }
};

/** `null`, or what `typeof` says. */
export const kindOf = (value: unknown): string => (value === null ? 'null' : typeof value);

/** Cut text says so; a cut surrogate pair would make a record unreadable. Cut first: a text can be of any size. */
export const bounded = (text: string, length: number): string => {
  if (text.length <= length) return text.toWellFormed();
  return `${text.slice(0, length - 1).toWellFormed()}…`;
};

const DEPTH = 3;
const MOST_MEMBERS = 100;
const LONGEST_TEXT = 10_000;

const OPTIONS = { depth: DEPTH, breakLength: 120, maxArrayLength: MOST_MEMBERS, customInspect: false } as const;

/**
 * A copy of a list or an object with its first members, none of them by its getter: `inspect` alone shows all members of
 * an object, however many there are.
 */
const shortOf = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return value.slice(0, LONGEST_TEXT);
  if (types.isProxy(value)) return A_PROXY;
  if (typeof value !== 'object' || value === null || hasInside(value)) return value;
  const isList = Array.isArray(value);
  if (depth < 0) return isList ? A_LIST : AN_OBJECT;
  const names = isList ? indexes(value) : Object.getOwnPropertyNames(value);
  const more = (isList ? value.length : names.length) - MOST_MEMBERS;
  const members = names.slice(0, MOST_MEMBERS).map((name) => [name, memberOf(value, name, depth)] as const);
  if (isList) return [...members.map(([, member]) => member), ...(more > 0 ? [`${more} more items`] : [])];
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object;
  if (more > 0) members.push(['...', `${more} more members`]);
  for (const [name, member] of members) Object.defineProperty(copy, name, { value: member, enumerable: true });
  return copy;
};

/** What such an object holds is in none of its members; `inspect` shows the first of it. */
const hasInside = (value: object): boolean =>
  types.isNativeError(value) ||
  types.isDate(value) ||
  types.isRegExp(value) ||
  types.isMap(value) ||
  types.isSet(value) ||
  types.isPromise(value) ||
  types.isBoxedPrimitive(value) ||
  types.isAnyArrayBuffer(value) ||
  ArrayBuffer.isView(value);

const indexes = (list: readonly unknown[]): readonly string[] =>
  Array.from({ length: Math.min(list.length, MOST_MEMBERS) }, (_, i) => String(i));

const memberOf = (value: object, name: string, depth: number): unknown => {
  const property = Object.getOwnPropertyDescriptor(value, name);
  if (property === undefined) return undefined;
  return 'value' in property ? shortOf(property.value, depth - 1) : A_GETTER;
};

const A_PROXY = '[Proxy]';
const A_LIST = '[Array]';
const AN_OBJECT = '[Object]';
const A_GETTER = '[Getter]';
