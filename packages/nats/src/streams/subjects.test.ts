import { namesOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { keysOf } from '../buckets/bucket-follower.ts';
import { createDataStore } from '../buckets/data-store.ts';
import type { JetStreamApi, Wire } from '../wire.ts';
import { subjectsOf } from './subjects.ts';

const test = suite('subjects of a stream');

const PAGE = 3;

/** A stream that tells as the server does: sorted, from an offset on, so many at once. */
const streamOf = (subjects: Set<string>) => {
  let calls = 0;
  const call = async (_: string, { offset }: { readonly offset: number }) => {
    calls++;
    const sorted = [...subjects].sort();
    const page = Object.fromEntries(sorted.slice(offset, offset + PAGE).map((subject) => [subject, 1]));
    return subjects.size === 0 ? { state: {} } : { state: { subjects: page }, total: sorted.length };
  };
  return { api: { call } as unknown as Pick<JetStreamApi, 'call'>, calls: () => calls };
};

const named = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `s.${String(from + i).padStart(3, '0')}`);

const readWhile = async (subjects: Set<string>, meanwhile: (pages: number) => void) => {
  const { api, calls } = streamOf(subjects);
  const told: string[] = [];
  let pages = 0;
  for await (const page of subjectsOf(api, 'S', 's.>')) {
    told.push(...page);
    meanwhile(++pages);
  }
  return { told, calls: calls() };
};

test('all pages, each subject once', async () => {
  for (const many of [0, 1, 3, 4, 5, 20]) {
    const { told } = await readWhile(new Set(named(0, many)), () => {});
    assert.equal(told, named(0, many));
  }
});

test('what is removed meanwhile hides none of those that stay', async () => {
  for (const many of [1, 2, 3, 7, 11]) {
    const subjects = new Set(named(0, 40));
    const { told } = await readWhile(subjects, (pages) => {
      if (pages === 5) for (const subject of named(0, many)) subjects.delete(subject);
    });
    assert.equal(told, named(0, 40), `${many} removed`);
  }
});

test('removed on every page, and others in their place', async () => {
  const subjects = new Set(named(0, 60));
  const { told, calls } = await readWhile(subjects, (pages) => {
    for (const subject of named(pages * 2 - 2, pages * 2)) subjects.delete(subject);
    subjects.add(`s.0${pages}x`);
  });
  const stayed = named(0, 60).filter((subject) => subjects.has(subject));
  assert.equal(
    stayed.filter((subject) => !told.includes(subject)),
    [],
  );
  assert.is(new Set(told).size, told.length);
  assert.ok(calls < 200, `${calls} questions`);
});

test('all of them are removed at once', async () => {
  const subjects = new Set(named(0, 10));
  const { told } = await readWhile(subjects, () => subjects.clear());
  assert.equal(told, named(0, 3));
});

test('buckets and the data store tell what is on every page', async () => {
  const subjects = new Set(named(0, 10));
  const wire = { ...streamOf(subjects), names: namesOf('T') } as unknown as Wire;
  const bucket = { stream: 'S', all: 's.>', prefix: 's.', repeatedPrefix: '', allRepeated: '' };
  assert.is((await keysOf(wire, bucket)).at(-1), '009');
  let names = 0;
  for await (const page of createDataStore(wire).names()) {
    names += page.length;
    subjects.delete('s.000');
  }
  assert.is(names, 10);
});

test.run();
