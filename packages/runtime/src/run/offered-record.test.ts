import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Entry } from '../ports/store.ts';
import { withRecord } from './offered-record.ts';

const test = suite('offered record');

const address = '00.report.abc' as Address;
const entryOf = (revision: number): Entry => ({ address, revision, bytes: Uint8Array.of(revision) });
const copyWith = (entry: Entry | undefined) => ({ loadFromCopy: async () => entry });

test('the version that was offered, or a later one, is what the claim is decided on', async () => {
  for (const revision of [7, 9]) {
    assert.equal(await withRecord(copyWith(entryOf(revision)), { address, revision: 7 }), entryOf(revision));
  }
});

test('an older version, or none, says nothing: the claim reads the record from the leader', async () => {
  for (const entry of [entryOf(6), undefined]) {
    assert.equal(await withRecord(copyWith(entry), { address, revision: 7 }), { address, revision: 7 });
  }
});

test.run();
