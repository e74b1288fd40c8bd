// The vectors in `protocols/vectors`, which readers and writers in other languages are held to, and ours as well.
// `BATON_WRITE_VECTORS=1` writes the bytes anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { deepStrictEqual } from 'node:assert/strict';
import type { Scope, TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import {
  addressOf,
  decodeData,
  encodeData,
  encodeRecord,
  readRecord,
  readTraceContext,
  RECORD_LIMIT,
} from './index.ts';

const test = suite('vectors');

const fileOf = (name: string): string => `protocols/vectors/${name}.json`;

const vectors = <T>(name: string): readonly T[] => JSON.parse(readFileSync(fileOf(name), 'utf8')) as T[];

/** Holds what is computed against what stands there, or puts it there. */
const hold = <T extends object>(name: string, all: readonly T[], computed: (one: T) => Partial<T>): void => {
  if (process.env['BATON_WRITE_VECTORS'] === '1') {
    const written = all.map((one) => ({ ...one, ...computed(one) }));
    writeFileSync(fileOf(name), `${JSON.stringify(written, undefined, 2)}\n`);
    return;
  }
  assert.ok(all.length >= 5);
  for (const one of all) deepStrictEqual({ ...one, ...computed(one) }, one);
};

/** JSON has neither bytes nor times. */
const fromJson = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  const map = value as Readonly<Record<string, unknown>>;
  if (typeof map['$hex'] === 'string') return Uint8Array.from(Buffer.from(map['$hex'], 'hex'));
  if (typeof map['$date'] === 'string') return new Date(map['$date']);
  return Object.fromEntries(Object.entries(map).map(([key, member]) => [key, fromJson(member)]));
};

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

type AddressVector = {
  readonly scope: Scope;
  readonly type: string;
  readonly key: string;
  readonly user?: string;
  readonly address: string;
};

test('keys to addresses', () => {
  hold('addresses', vectors<AddressVector>('addresses'), ({ scope, type, key, user }) => ({
    address: addressOf(user === undefined ? { scope, type, key } : { scope, type, key, user }),
  }));
});

type DataVector = { readonly value: unknown; readonly bytes: string };

test('values to bytes, and back', () => {
  const all = vectors<DataVector>('data');
  hold('data', all, ({ value }) => ({ bytes: hexOf(encodeData(fromJson(value))) }));
  for (const { value, bytes } of all) deepStrictEqual(decodeData(bytesOf(bytes), RECORD_LIMIT), fromJson(value));
});

type RecordVector = { readonly title: string; readonly record: unknown; readonly bytes: string };

test('records to bytes, and back', () => {
  const all = vectors<RecordVector>('records');
  hold('records', all, ({ record }) => ({ bytes: hexOf(encodeRecord(fromJson(record) as TaskRecord)) }));
  for (const { record, bytes } of all) {
    deepStrictEqual(readRecord(bytesOf(bytes)), { kind: 'record', record: fromJson(record) });
  }
});

type TraceVector = {
  readonly title: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Absent: it is dropped. */
  readonly read?: object;
};

test('trace contexts as they are kept', () => {
  for (const { title, traceparent, tracestate, read } of vectors<TraceVector>('traces')) {
    deepStrictEqual(readTraceContext(traceparent, tracestate), read, title);
  }
});

test.run();
