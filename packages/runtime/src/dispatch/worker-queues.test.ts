import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { silentLog } from '../log.ts';
import type { Credit, CreditReply } from '../ports/dispatch.ts';
import { WorkerQueues } from './worker-queues.ts';

const test = suite('queues of a worker');

test('when its connection is back a worker asks its hosts at once: what they have said meanwhile is lost', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const asked: string[] = [];
  let isBack: () => void = () => {};
  let ties = 0;
  const tie = () => (ties++, { close: () => void ties-- });
  const credit = async ({ queue, limit }: Credit): Promise<CreditReply> => {
    asked.push(queue);
    return { kind: 'answered', answer: { supervisor: 's', hosts: true, sent: 0, limit, waiting: 0 } };
  };
  const queues = new WorkerQueues({
    ...{ worker: 'w', queues: ['one', 'two'], types: ['job'], clock, log: silentLog, offered: () => undefined },
    dispatch: { credit, onOffer: tie, onRehosted: tie } as never,
    link: { onReconnect: (listener) => ((isBack = listener), tie()) },
    chance: { nonce: () => 'one', random: () => 0.5 } as never,
  });
  queues.setFree(2);
  await clock.advance(1_000);
  asked.length = 0;
  isBack();
  await clock.advance(0);
  assert.equal(asked.toSorted(), ['one', 'two']);
  await queues.close();
  assert.is(ties, 0);
});

test.run();
