import type { NodeInfo, NodesListener } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { lookAtNodes } from './workers.ts';

const test = suite('the nodes there are, as the command line sees them');

const nodeOf = (id: string): NodeInfo => ({
  ...{ role: 'worker', id, host: 'h', pid: 1, startedAt: 1, state: 'ready' },
});

const looking = async (renewed: (listener: NodesListener) => void) => {
  let listening = true;
  const follow = async (listener: NodesListener) => {
    for (const id of ['one', 'two']) listener.seen(nodeOf(id));
    listener.caughtUp();
    renewed(listener);
    return { close: () => void (listening = false) };
  };
  const began = performance.now();
  const nodes = await lookAtNodes({ presence: { follow } as never });
  assert.not.ok(listening);
  return { alive: nodes.map(({ id, alive }) => [id, alive]), ms: performance.now() - began };
};

test('whose lease is not over is alive, however late in it he renews it; who does not in all of it is lost', async () => {
  const late = await looking((listener) => {
    listener.seen(nodeOf('one'));
    setTimeout(() => listener.seen(nodeOf('two')), 3_000);
  });
  assert.equal(late.alive, [
    ['one', true],
    ['two', true],
  ]);
  assert.ok(late.ms < 6_000, 'nothing is waited for when all are known to live');
  const lost = await looking((listener) => listener.seen(nodeOf('one')));
  assert.equal(lost.alive, [
    ['one', true],
    ['two', false],
  ]);
});

test.run();
