import { schemaOf, type SchemaPart } from './kind-forms.ts';
import type { Kind } from './kind.ts';
import { RECORD_KINDS } from './record-shape.ts';

/**
 * The record as a JSON Schema (2020-12), made of the table by which records are read and written, so that it says the same.
 * Bytes stand as `{ "$hex" }`, as in the vectors. Without words: those are put to it where it is published.
 */
export const recordSchema = (): SchemaPart => {
  const { record, named, bodyOutcome } = RECORD_KINDS;
  const kinds = Object.entries<Kind>({ ...named, ...bodyOutcome });
  const names = new Map(kinds.map(([name, kind]) => [kind, name]));
  const defs = kinds.map(([name, kind]) => [name, schemaOf(kind, names)] as const);
  return {
    ...schemaOf(record, names),
    allOf: [needs('in_progress', ['owner']), needs('aborting', ['owner', 'abort'])],
    $defs: Object.fromEntries(defs.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
};

/** What a state cannot be without, as `recordFault` has it. */
const needs = (status: string, required: readonly string[]): SchemaPart => ({
  if: { properties: { status: { const: status } }, required: ['status'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
  then: { required },
});
