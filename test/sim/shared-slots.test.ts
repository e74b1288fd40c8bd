// X8 and Q5 over simulated processes: workers that serve several queues, one of which is limited. A slot that one queue has no use
// for is another's, and the limited one is never left with room and tasks that wait while slots are free.
import { recordOf } from '@baton/runtime';
import { createBaton, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('slots of several queues');

const LIMIT = 3;
const TASKS = 90;
const TASK_MS = 50;
const QUEUES = ['limited', 'one', 'two', 'three'];

for (const seed of seeds(6)) {
  test(`X8 Q5 what is limited goes on as fast as it may, whatever else the workers serve: seed ${seed}`, async () => {
    const { clock, world, pause, start } = createSimRoom(seed);
    const nap = task({ name: 'nap' }, (ms: number) => pause(ms));
    const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });
    await clock.settle(admin.queues.limit('limited', { of: 'queue', concurrency: LIMIT }));
    await start({ supervisors: 2, workers: 3 }, () => ({ tasks: [nap], queues: QUEUES, concurrency: 4 }));
    // Until its host has taken it over.
    await clock.settle((await clock.settle(admin.schedule(nap, [1], { queue: 'limited', taskKey: 'first' }))).wait());
    const began = clock.monotonic();
    for (let i = 0; i < TASKS; i++) {
      await clock.settle(admin.schedule(nap, [TASK_MS], { queue: 'limited', taskKey: `k${i}` }));
      if (i % 9 === 0)
        await clock.settle(admin.schedule(nap, [1], { queue: QUEUES[1 + (i % 3)] ?? '', taskKey: `o${i}` }));
    }
    const left = () => world.heads().filter((head) => recordOf(head).status !== 'success').length;
    while (left() > 0 && clock.monotonic() - began < 60_000) await clock.advance(100);
    const took = clock.monotonic() - began;
    // At most as long again, for the ways over the wire.
    const atBest = (TASKS / LIMIT) * TASK_MS;
    assert.ok(took < 3 * atBest, `${left()} left, ${Math.round(took)} ms instead of ${atBest}`);
    world.close();
  });
}

test.run();
