// G4, G5 and G6 over simulated processes: tasks that have a step and wait twice, and signals that are sent again and again, while workers and
// supervisors are killed, frozen and cut off. Each signal answers one wait, no slot is
// held, a step comes to the same in every run that goes on behind it, and all come to their end.
import { recordOf } from '@baton/runtime';
import { createBaton, getContext, task, type TaskHandle } from '@baton/sdk';
import { checkLives, describeReport, recordedOf } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('signals under kills');

const TASKS = 20;
const EVENTS = 14;

for (const seed of seeds(6)) {
  test(
    `G4, G5, G6 every wait is answered once, and goes on: seed ${seed}`,
    async () => {
      const { clock, world, chance, pause, start, harm, end } = createSimRoom(seed);
      /** What the step of each task came to, in all its runs. */
      const tokens = new Map<string, ReadonlySet<number>>();
      const pays = task({ name: 'pays', scope: 'shared', maxRescues: 1_000 }, async () => {
        const { waitForSignal, onCleanup, step, taskId } = getContext();
        if (chance.random() < 0.3) onCleanup(() => pause(50));
        const token = await step('token', async () => {
          await pause(20);
          return chance.random();
        });
        tokens.set(taskId, new Set(tokens.get(taskId)).add(token));
        const first = await waitForSignal('paid', { timeout: '20m' });
        await pause(100);
        const late = await waitForSignal('never', { timeout: '30s' }).catch((error: { code?: string }) => error.code);
        return [first, late, await waitForSignal('paid')];
      });
      const alice = createBaton({ ports: world.ports('alice'), user: { id: 'alice' } });
      await start({ supervisors: 2, workers: 2 }, () => ({ tasks: [pays], queues: ['default'], concurrency: 2 }));
      const jobs: TaskHandle[] = [];
      for (let i = 0; i < TASKS; i++) jobs.push(await clock.settle(alice.schedule(pays, [], { taskKey: `k${i}` })));
      /** Until it is known to have come. */
      const send = async (i: number, nth: number): Promise<void> => {
        const job = jobs[i];
        if (job === undefined) return;
        for (let tries = 0; tries < 50; tries++) {
          try {
            await clock.settle(job.signal('paid', `${i}/${nth}`, { operationId: `${i}/${nth}` }));
            // Somebody who is not sure sends it again.
            if (chance.random() < 0.5) continue;
            return;
          } catch (error) {
            if ((error as { code?: string }).code === 'TASK_ENDED') return;
            await clock.advance(1_000);
          }
        }
        assert.unreachable('a signal cannot be sent');
      };
      const sent = new Set<string>();
      for (let i = 0; i < EVENTS; i++) {
        await clock.advance(500 + chance.random() * 12_000);
        for (let k = 0; k < 4; k++) {
          const place = Math.floor(chance.random() * TASKS);
          const nth = sent.has(`${place}/1`) ? 2 : 1;
          sent.add(`${place}/${nth}`);
          await send(place, nth);
        }
        await harm({ supervisors: 0.5, crash: 0.6, freeze: 0.2, freezeMs: 15_000 });
      }
      for (let i = 0; i < TASKS; i++) for (const nth of [1, 2]) if (!sent.has(`${i}/${nth}`)) await send(i, nth);
      const left = () => world.heads().flatMap((head) => (recordOf(head).status === 'success' ? [] : [recordOf(head)]));
      await end(() => left().map(({ key, status, waiting }) => `${key} ${status} ${JSON.stringify(waiting)}`));
      for (const [i, job] of jobs.entries()) {
        await clock.settle(job.wait());
        assert.equal(job.result, [`${i}/1`, 'SIGNAL_TIMEOUT', `${i}/2`]);
        assert.is(job.record.signals?.length, 3);
        assert.equal([tokens.get(job.uuid)?.size, job.record.steps?.length], [1, 1]);
        assert.is(job.attempt, 1 + (job.record.rescues ?? 0));
      }
      const report = checkLives(world.history().map((each) => recordedOf(each, world.epoch())));
      assert.ok(report.ok, describeReport(report));
      world.close();
    },
    { limitMs: 60_000 },
  );
}

test.run();
