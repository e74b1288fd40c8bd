import { addressOf } from '@baton/protocols';
import { BatonError, UnreadableRecordError, type Held } from '@baton/runtime';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { findLate } from './late-submit.ts';

const test = suite('late submits');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });
const held = (id: string): Held => ({ record: { id } as Held['record'], revision: 1 });

/** What `load` answers at each second; the last one from then on. */
const lookedFor = async (answers: readonly (Held | Error | undefined)[], stopsAt = Number.POSITIVE_INFINITY) => {
  const clock = createVirtualClock();
  let looks = 0;
  const load = async (): Promise<Held | undefined> => {
    const answer = answers[Math.min(looks++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const parts = { kernel: { load }, clock, isStopped: () => looks >= stopsAt };
  const found = await clock.settle(findLate(parts, address, 'mine'), { limitMs: 600_000 });
  return { found: found?.record.id, looks };
};

test('R8 what a submit without an answer made is looked for until the store has said for long enough that it is not there', async () => {
  const away = new BatonError('NOT_CONNECTED', 'away');
  assert.equal(await lookedFor([undefined, away, held('other'), held('mine')]), { found: 'mine', looks: 4 });
  assert.equal(await lookedFor([held('other')]), { found: undefined, looks: 31 });
  // As long as it cannot be asked it has said nothing.
  const outage = [...Array.from({ length: 20 }, () => undefined), ...Array.from({ length: 100 }, () => away)];
  assert.equal(await lookedFor([...outage, undefined]), { found: undefined, looks: 151 });
  assert.equal(await lookedFor([away], 50), { found: undefined, looks: 50 });
  const newer = new UnreadableRecordError('RECORD_NEWER', 'newer');
  assert.equal(await lookedFor([newer]), { found: undefined, looks: 1 });
});

test.run();
