// G7 over simulated processes: tasks that begin something elsewhere, and say so, while workers and supervisors are killed
// and cut off. No run begins while what an earlier one has begun goes on, and nothing goes on when all have ended.
import { recordOf, type Ports } from '@baton/runtime';
import { createBaton, getContext, task, type TaskHandle } from '@baton/sdk';
import { checkLives, describeReport, recordedOf } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('cancel handles under kills');

const TASKS = 16;
const EVENTS = 12;

for (const seed of seeds(6)) {
  test(
    `G7 what dead workers had begun is cancelled before anything begins anew: seed ${seed}`,
    async () => {
      const { clock, world, chance, start, harm, end } = createSimRoom(seed);
      /** What goes on elsewhere, by the task that has begun it. */
      const elsewhere = new Map<string, Set<string>>();
      const of = (taskId: string): Set<string> => elsewhere.get(taskId) ?? new Set();
      const wrong: string[] = [];
      let cancelled = 0;
      let begun = 0;
      // Three dead workers, or three failures, and the task goes on all the same: that is said, and is no fault.
      world.onWrite((stored) => {
        const { id, history } = recordOf(stored);
        if (history.at(-1)?.why?.includes('was not cancelled') === true) of(id).clear();
      });
      /** By the clock of its process, which stands still when that has died. */
      const asksIn = (ports: Ports) => {
        const pause = (ms: number) => new Promise<void>((resolve) => void ports.clock.after(ms, resolve));
        return task(
          {
            ...{ name: 'asks', scope: 'shared', maxRescues: 1_000 },
            canceller: async (handle, { taskId }) => {
              await pause(chance.random() * 2_000);
              if (chance.random() < 0.2) throw new Error('away');
              if (of(taskId).delete(handle as string)) cancelled++;
            },
          },
          async () => {
            const { setCancelHandle, onAbort, onCleanup, taskId, fence } = getContext();
            const left = [...of(taskId)];
            if (left.length > 0) wrong.push(`${taskId}: ${left.join()} went on when another run began`);
            const handle = `q${fence.revision}`;
            await setCancelHandle(handle);
            onAbort(() => pause(500));
            onCleanup(() => void of(taskId).delete(handle));
            elsewhere.set(taskId, of(taskId).add(handle));
            begun++;
            await pause(5_000 + chance.random() * 15_000);
          },
        );
      };
      const alice = createBaton({ ports: world.ports('alice'), user: { id: 'alice' } });
      const asks = asksIn(world.ports('asks'));
      await start({ supervisors: 2, workers: 3 }, ({ ports }) => ({ tasks: [asksIn(ports)], concurrency: 3 }));
      const jobs: TaskHandle[] = [];
      for (let i = 0; i < TASKS; i++) jobs.push(await clock.settle(alice.schedule(asks, [], { taskKey: `k${i}` })));
      for (let i = 0; i < EVENTS; i++) {
        await clock.advance(1_000 + chance.random() * 8_000);
        const job = jobs[Math.floor(chance.random() * TASKS)];
        if (i % 3 === 0) await clock.settle(job?.cancel().catch(() => undefined) ?? Promise.resolve(undefined));
        await harm({ supervisors: i > 0 ? 0.3 : 0, crash: 0.8, freeze: 0, freezeMs: 0 });
      }
      const left = () =>
        world.heads().flatMap((head) => (recordOf(head).endedAt === undefined ? [recordOf(head)] : []));
      await end(() => left().map(({ key, status, owner }) => `${key} ${status} ${owner?.worker}`));
      assert.equal(wrong, []);
      for (const job of jobs) {
        await clock.settle(job.wait());
        assert.equal([...of(job.uuid)], [], `${job.record.key} ${job.status}`);
      }
      assert.ok(cancelled > 0 && begun > TASKS, `${cancelled} cancelled of ${begun} begun`);
      const report = checkLives(world.history().map((each) => recordedOf(each, world.epoch())));
      assert.ok(report.ok, describeReport(report));
      world.close();
    },
    { limitMs: 60_000 },
  );
}

test.run();
