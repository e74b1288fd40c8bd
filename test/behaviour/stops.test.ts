// limit: 240s
// R5, R8: services that are told to stop while everything they need is away. A server of their own, which is killed.
import * as assert from 'uvu/assert';
import { openCuttableLink } from '../support/cuttable-link.ts';
import { hangs, steps } from '../support/fixture-tasks.ts';
import { startGateway } from '../support/page-fixture.ts';
import { stagedSuite, until } from '../support/stage.ts';
import type { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('stops', { ownNats: true });

/** Of a worker with something to do: time for its bodies, to stop, to give back; and what a loaded machine may add. */
const BUSY_MS = 30_000 + 2_000 + 5_000 + 8_000;
/** Of everybody else. */
const IDLE_MS = 20_000;

const stopped = async (service: SystemProcess, limitMs: number): Promise<void> => {
  const began = performance.now();
  const { code, signal } = await service.stop(limitMs);
  console.log(`${service.name}: ended with ${code} after ${Math.round(performance.now() - began)} ms`);
  assert.is(signal, null, `${service.name} was killed`);
  assert.ok(code === 0 || code === 1, `${service.name} ended with ${code}`);
};

test(
  'R5 SIGTERM while NATS and MongoDB are away: every service ends within its grace, and its tasks are taken over',
  async (stage, context) => {
    const { hostname, port, pathname } = new URL(stage.env['MONGODB_URL'] ?? '');
    const link = await openCuttableLink(`http://${hostname}:${port}`);
    context.defer(() => link.close());
    const mongo = { MONGODB_URL: `mongodb://${link.address}${pathname}` };
    const projector = stage.service('projector', 'projector cut off', mongo);
    const idle = stage.service('worker', 'worker idle', { BATON_QUEUES: 'idle' });
    await Promise.all([projector.start(), idle.start()]);
    const { gateway } = await startGateway(context, stage, { BATON_AUTH: 'dev', ...mongo });
    const [worker, supervisor] = [stage.workers[0], stage.supervisors[0]];
    assert.ok(worker !== undefined && supervisor !== undefined);

    const alice = stage.as('alice');
    // One that stops when it is told to, and one that does not.
    const handles = await alice.within(async () => [
      await hangs.with({ taskKey: 'listens' }).schedule(),
      await steps.with({ taskKey: 'goes on' }).schedule(100_000, 150),
    ]);
    for (const handle of handles) await until(handle, ({ status }) => status === 'in_progress');
    await stage.nats.kill();
    link.freeze();
    await Promise.all([
      stopped(worker, BUSY_MS),
      ...[idle, supervisor, projector, gateway].map((service) => stopped(service, IDLE_MS)),
    ]);

    await stage.nats.restart();
    link.mend();
    await stage.service('supervisor', 'supervisor after').start();
    await stage.service('worker', 'worker after').start();
    for (const handle of handles) {
      // Nobody was there to be told that they were given back: they count as taken from a worker that died.
      await until(handle, ({ record }) => record.rescues === 1 && record.status === 'in_progress', 30_000);
      await until(handle, ({ isAbortable, type }) => isAbortable || type === 'fx.steps');
    }
    for (const handle of handles) await (await stage.admin.open(handle)).cancel({ force: true }).catch(() => undefined);
  },
  { limitMs: 200_000 },
);

test.run();
