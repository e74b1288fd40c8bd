import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { NotConnectedError } from '../errors.ts';
import { silentLog } from '../log.ts';
import type { Schedules } from '../ports/schedules.ts';
import { ScheduleHost } from './schedule-host.ts';

const test = suite('schedule host');

test('a watch that is lost while it opens, and then does not open, is opened anew once', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const ports = createMemoryWorld({ clock, seed: 1 }).ports('s1');
  const opened: { readonly lost: () => void; readonly fail: () => void }[] = [];
  const follow: Schedules['follow'] = ({ lost }) =>
    new Promise((_, reject) => {
      const cause = new NotConnectedError('away');
      opened.push({ lost: () => lost(cause), fail: () => reject(cause) });
    });
  const parts = { ports: { ...ports, schedules: { ...ports.schedules, follow } }, supervisor: 's1', log: silentLog };
  const host = new ScheduleHost({ ...parts, once: { say: () => undefined } } as never);
  host.start();
  opened[0]?.lost();
  await clock.advance(60_000);
  assert.is(opened.length, 2);
  opened[0]?.fail();
  opened[0]?.lost();
  await clock.advance(60_000);
  assert.is(opened.length, 2, 'the second one is still opening');
  opened[1]?.fail();
  await clock.advance(60_000);
  assert.is(opened.length, 3);
  host.stop();
});

test.run();
