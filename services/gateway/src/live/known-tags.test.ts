import type { Tags } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { KnownTags } from './known-tags.ts';

const test = suite('tags that are known');

const of = (id: string, tags?: Tags, status = 'in_progress' as 'in_progress' | 'success') =>
  tags === undefined ? { id, status } : { id, status, tags };

test('B2 a change of tags is told from any other change', () => {
  const known = new KnownTags();
  assert.is(known.changed(of('a')), false);
  assert.is(known.changed(of('b', { n: 1 })), true);
  assert.is(known.changed(of('b', { n: 1 })), false);
  assert.is(known.changed(of('a')), false);
  assert.is(known.changed(of('b', { n: 2 })), true);
  assert.is(known.changed(of('b')), true);
  assert.is(known.changed(of('b')), false);
});

test('what has ended, or was looked at longest ago, is forgotten', () => {
  const known = new KnownTags(2);
  known.changed(of('a', { n: 1 }, 'success'));
  assert.is(known.changed(of('a', { n: 1 })), true);
  known.changed(of('b', { n: 1 }));
  known.changed(of('c', { n: 1 }));
  assert.is(known.changed(of('c', { n: 1 })), false);
  assert.is(known.changed(of('a', { n: 1 })), true);
});

test.run();
