import { RECORD_ROOM, type Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { silentLog } from '../../log.ts';
import type { FullRecord } from '../../ports/presence.ts';
import { FullRecords } from './full-records.ts';
import type { Watched } from '../tasks/task-index.ts';

const test = suite('supervisor: full records');

const watchedAt = (address: string): Watched => ({
  address: address as Address,
  ...{
    revision: 1,
    generation: 1,
    order: 1,
    since: 0,
    transitions: 1,
    busy: false,
    failures: 0,
    timer: undefined,
    id: '',
  },
  ...{ slot: undefined, marks: undefined },
  duties: { stage: 'waiting', lane: { queue: 'q', priority: 'normal', type: 'job' } },
});

const create = () => {
  const told: (readonly FullRecord[])[] = [];
  const full = new FullRecords(silentLog, (fullest) => told.push(fullest));
  return { full, told };
};

test('says which are nearly full, the fullest first, and nothing where nothing has changed', () => {
  const { full, told } = create();
  const [small, large, larger] = [watchedAt('a'), watchedAt('b'), watchedAt('c')];
  full.note(small, 'small', 10_000);
  full.look();
  assert.equal(told, []);
  full.note(large, 'large', RECORD_ROOM - 1);
  full.note(larger, 'larger', RECORD_ROOM + 1);
  full.look();
  full.note(larger, 'larger', RECORD_ROOM + 1);
  full.look();
  assert.equal(told, [
    [
      { task: 'larger', bytes: RECORD_ROOM + 1 },
      { task: 'large', bytes: RECORD_ROOM - 1 },
    ],
  ]);
});

test('one that has room again, or is watched no more, is named no more', () => {
  const { full, told } = create();
  const [shrinks, ends] = [watchedAt('a'), watchedAt('b')];
  full.note(shrinks, 'shrinks', RECORD_ROOM);
  full.note(ends, 'ends', RECORD_ROOM);
  full.look();
  full.note(shrinks, 'shrinks', 10_000);
  full.look();
  full.forget(ends);
  full.look();
  assert.equal(
    told.map((fullest) => fullest.map(({ task }) => task)),
    [['shrinks', 'ends'], ['ends'], []],
  );
});

test('tells a few of many', () => {
  const { full, told } = create();
  for (let n = 0; n < 50; n++) full.note(watchedAt(`${n}`), `${n}`, RECORD_ROOM + n);
  full.look();
  assert.equal(
    told.at(-1)?.map(({ task }) => task),
    ['49', '48', '47', '46', '45'],
  );
});

test.run();
