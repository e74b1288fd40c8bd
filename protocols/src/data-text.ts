import type { Data, ObjectReference } from '@baton/core';
import { decodeData, DecodeError, encodeSized } from './codec.ts';
import { RECORD_LIMIT } from './limits.ts';

/**
 * User data as JSON text and back, with nothing lost: a task is run again from its document (behaviour R7). What JSON
 * has no form for stands in a map with one key that begins with `$`; keys of the data itself that begin so get one more,
 * so that nothing a user writes reads as one of ours.
 *
 * `{"$date": ISO}`, `{"$base64": text}`, `{"$object": name, "size", "digest"}`, `{"$unreadable": why}`
 */
export const textOfData = (data: Data): string => {
  if (!(data instanceof Uint8Array)) {
    return JSON.stringify({ $object: data.object, size: data.size, digest: data.digest });
  }
  try {
    return JSON.stringify(toJson(decodeData(data, RECORD_LIMIT)));
  } catch (error) {
    if (error instanceof DecodeError) return JSON.stringify({ $unreadable: error.message });
    throw error;
  }
};

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** As deep as data is, which is bounded. */
const toJson = (value: unknown): Json => {
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [escaped(key), toJson(member)]));
};

const escaped = (key: string): string => (key.startsWith('$') ? `$${key}` : key);

/** What a text of a document holds. `lost`: it was unreadable already, or it is no such text. */
export type DataReading =
  | { readonly kind: 'data'; readonly data: Data }
  | { readonly kind: 'lost'; readonly reason: string };

/** The data of a text that `textOfData` made. Never throws. */
export const readDataText = (text: string): DataReading => {
  try {
    const json = JSON.parse(text) as Json;
    const form = formOf(json);
    if (form?.kind === 'unreadable') return { kind: 'lost', reason: form.reason };
    return { kind: 'data', data: form?.kind === 'object' ? form.reference : encodeSized(fromJson(json, exact)).bytes };
  } catch (error) {
    return { kind: 'lost', reason: error instanceof Error ? error.message : String(error) };
  }
};

/** The text for people and for JSON interfaces: times as ISO text, keys as they were. Other forms stay as they are. */
export const viewOfDataText = (text: string): unknown => fromJson(JSON.parse(text) as Json, shown);

/** The same of data that is at hand: what a JSON interface shows of it. */
export const viewOfData = (value: unknown): unknown => fromJson(toJson(value), shown);

type Form =
  | { readonly kind: 'date'; readonly iso: string }
  | { readonly kind: 'bytes'; readonly base64: string }
  | { readonly kind: 'object'; readonly reference: ObjectReference }
  | { readonly kind: 'unreadable'; readonly reason: string };

const formOf = (json: Json): Form | undefined => {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const map = json as { readonly [key: string]: Json };
  const { $date, $base64, $object, size, digest, $unreadable } = map;
  if (typeof $date === 'string') return { kind: 'date', iso: $date };
  if (typeof $base64 === 'string') return { kind: 'bytes', base64: $base64 };
  if (typeof $unreadable === 'string') return { kind: 'unreadable', reason: $unreadable };
  if (typeof $object !== 'string' || typeof size !== 'number' || typeof digest !== 'string') return undefined;
  return { kind: 'object', reference: { object: $object, size, digest } };
};

type Make = (form: Form, json: Json) => unknown;

const exact: Make = (form, json) => {
  if (form.kind === 'date') return new Date(form.iso);
  return form.kind === 'bytes' ? new Uint8Array(Buffer.from(form.base64, 'base64')) : json;
};

const shown: Make = (form, json) => (form.kind === 'date' ? form.iso : json);

const fromJson = (json: Json, make: Make): unknown => {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item: Json) => fromJson(item, make));
  const form = formOf(json);
  if (form !== undefined) return make(form, json);
  return Object.fromEntries(
    Object.entries(json as object).map(([key, member]) => [unescaped(key), fromJson(member as Json, make)]),
  );
};

const unescaped = (key: string): string => (key.startsWith('$') ? key.slice(1) : key);
