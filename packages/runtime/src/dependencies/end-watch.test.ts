import { addressOf, type Address } from '@baton/protocols';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { silentLog } from '../log.ts';
import { EndWatch } from './end-watch.ts';

const test = suite('end watch');

const addressFor = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

test('of many that come at once each is looked at, in the order in which they came, so many at a time', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const looked: Address[] = [];
  let atOnce = 0;
  let most = 0;
  const watch = new EndWatch({
    ports: {
      signals: { onRecord: async () => ({ close: () => undefined }) },
      store: { load: async () => undefined },
      link: { connected: true, onReconnect: () => ({ close: () => undefined }) },
    } as never,
    kernel: {
      load: async (address: Address) => {
        looked.push(address);
        most = Math.max(most, ++atOnce);
        await new Promise<void>((resolve) => void clock.after(1, resolve));
        atOnce--;
      },
    } as never,
    ...{ clock, chance: { random: () => 0.5 } as never, log: silentLog },
    tell: async () => true,
  });
  const targets = Array.from({ length: 1_000 }, (_, n) => addressFor(`k${n}`));
  for (const address of targets)
    watch.set({ address: `${address}.waits` as Address, id: '', targets: [{ id: '', address }] });
  await clock.advance(1_000);
  assert.equal(looked, targets);
  assert.is(most, 32);
  watch.stop();
});

test.run();
