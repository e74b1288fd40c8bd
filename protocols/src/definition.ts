import { createHash } from 'node:crypto';
import type { DefinitionConflict, KeptDefinition, ServedDefinition, TypeDefinition } from '@baton/core';
import { DecodeError, encode, unpack } from './codec.ts';
import { ANNOUNCEMENT_LIMIT, DEFINITION_LIMIT, NAME_PATTERN } from './limits.ts';
import { isRunOptions } from './record-shape.ts';

/** Definitions of types on the wire: as workers tell what they serve, and as supervisors keep them. MessagePack maps. */

/** Names what a definition says, whatever the order of its fields. */
export const digestOf = (definition: TypeDefinition): string =>
  createHash('sha256')
    .update(JSON.stringify(ordered(definition)))
    .digest('hex')
    .slice(0, 16);

const ordered = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(ordered);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, ordered(member)]);
};

/** What one worker serves, and since when. */
export type Served = { readonly since: number; readonly definition: TypeDefinition };

/** As many messages as it takes. What does not fit into one alone is left out: `checkDefinition` keeps it from coming up. */
export const encodeAnnouncement = (served: readonly Served[]): readonly Uint8Array[] => {
  const messages: Uint8Array[] = [];
  let some: Served[] = [];
  let size = 0;
  const flush = (): void => {
    if (some.length > 0) messages.push(encode({ v: 1, served: some }));
    some = [];
    size = 0;
  };
  for (const one of served) {
    const { length } = encode(one);
    if (size + length > ANNOUNCEMENT_LIMIT / 2) flush();
    some.push(one);
    size += length;
  }
  flush();
  return messages;
};

/** Those of them that can be read; empty for what is no announcement. */
export const readAnnouncement = (bytes: Uint8Array, worker: string): readonly ServedDefinition[] => {
  const map = mapIn(bytes, ANNOUNCEMENT_LIMIT);
  const served: unknown = map?.['served'];
  if (!Array.isArray(served)) return [];
  return served.flatMap((one: unknown) => {
    if (!isMap(one)) return [];
    const { since, definition } = one;
    if (!isTime(since) || !isDefinition(definition)) return [];
    return [{ worker, since, digest: digestOf(definition), definition }];
  });
};

/** Whether it can be told and kept at all. */
export const isDefinition = (value: unknown): value is TypeDefinition => {
  if (!isMap(value)) return false;
  const { type, title, description, argsSchema } = value;
  if (typeof type !== 'string' || !NAME_PATTERN.test(type) || !isRunOptions(value)) return false;
  return isTextOrAbsent(title) && isTextOrAbsent(description) && (argsSchema === undefined || isMap(argsSchema));
};

/** With room for who disagrees. */
export const fitsDefinition = (definition: TypeDefinition): boolean =>
  encode(definition).length <= DEFINITION_LIMIT - 8_192;

export const encodeDefinition = (kept: KeptDefinition): Uint8Array => encode({ v: 1, ...kept });

/** Undefined for bytes that are no definition of this type, also for those of a newer version. */
export const readDefinition = (bytes: Uint8Array, type: string): KeptDefinition | undefined => {
  const map = mapIn(bytes, DEFINITION_LIMIT);
  if (map === undefined || map['v'] !== 1) return undefined;
  const { worker, since, definition, conflicts } = map;
  if (typeof worker !== 'string' || !isTime(since) || !isDefinition(definition) || definition.type !== type)
    return undefined;
  if (!Array.isArray(conflicts) || !conflicts.every(isConflict)) return undefined;
  return { worker, since, digest: digestOf(definition), definition, conflicts };
};

const isConflict = (value: unknown): value is DefinitionConflict =>
  isMap(value) &&
  typeof value['worker'] === 'string' &&
  Array.isArray(value['fields']) &&
  value['fields'].every((field) => typeof field === 'string');

const mapIn = (bytes: Uint8Array, limit: number): Readonly<Record<string, unknown>> | undefined => {
  try {
    // The bytes bound it: many types have many values.
    const value = unpack(bytes, limit);
    return isMap(value) ? value : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 8.64e15;

const isTextOrAbsent = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';
