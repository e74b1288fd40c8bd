import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { Watchers, type Watcher } from '../../../services/gateway/src/live/watchers.ts';

const test = suite('watchers');

const watcherOf = (told: string[], expiresAt?: number): Watcher => ({
  identity: { user: 'alice', admin: false, isAmbient: false, ...(expiresAt === undefined ? {} : { expiresAt }) },
  changed: () => void told.push('changed'),
  hidden: () => void told.push('hidden'),
  restarted: () => void told.push('restarted'),
  live: (isLive) => void told.push(isLive ? 'live' : 'not live'),
  keepAlive: () => void told.push('keep-alive'),
  expired: () => void told.push('expired'),
});

test('E2 a sign of life every 15 s, until the token ends', async () => {
  const clock = createVirtualClock();
  const watchers = new Watchers(clock);
  const [lasting, ending]: [string[], string[]] = [[], []];
  watchers.add(watcherOf(lasting));
  watchers.add(watcherOf(ending, clock.now() + 20_000));
  await clock.advance(14_999);
  assert.equal([lasting, ending], [[], []]);
  await clock.advance(1);
  assert.equal([lasting, ending], [['keep-alive'], ['keep-alive']]);
  await clock.advance(15_000);
  assert.equal([lasting.at(-1), ending.at(-1)], ['keep-alive', 'expired']);
  watchers.stop();
  assert.is(lasting.at(-1), 'restarted');
});

test.run();
