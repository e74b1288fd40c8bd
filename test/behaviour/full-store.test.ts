// limit: 180s
// R8: a store with a limit. New tasks are refused before it is full, on every surface; what is there goes on.
import { connect, getContext, task, TaskScope } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { editStream } from '../support/edit-stream.ts';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { double, flaky, hangs, largeResult } from '../support/fixture-tasks.ts';
import { startGateway } from '../support/page-fixture.ts';
import { stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';
import { converged } from '../support/system-state.ts';

const LIMIT = 8_000_000;
const LOAD = 'x'.repeat(40_000);

const test = stagedSuite('full store', { workers: 2, supervisors: 2, tasksMaxBytes: LIMIT });

/** Nobody serves it: it fills the store, and stays. */
const filler = task({ name: 'r8.filler', queue: 'nobody' }, (_load: string) => undefined);

/** Submits from three processes' worth of clients at once until none takes any more. */
const fill = async (stage: Stage, context: Parameters<Stage['client']>[0]) => {
  const clients = await Promise.all(['a', 'b', 'c'].map((id) => stage.client(context, { user: { id } })));
  const taken = await Promise.all(
    clients.map(async (client) => {
      const mine = [];
      for (;;) {
        try {
          mine.push(await client.within(() => filler.schedule(LOAD)));
        } catch (error) {
          assert.is((error as { readonly code?: string }).code, 'STORE_FULL', String(error));
          return mine;
        }
      }
    }),
  );
  return taken.flat();
};

const bytesOf = async ({ ports }: Stage): Promise<number> => {
  const info = await ports.wire.api.call<{ readonly state: { readonly bytes: number } }>(
    `STREAM.INFO.${ports.wire.names.tasksStream}`,
  );
  return info.state.bytes;
};

test('R8 a limit that could hold no record is refused', async (stage) => {
  const failure = await thrownBy(() => connect({ servers: stage.natsUrl, tasksMaxBytes: 1_000_000 }));
  assert.is(failure.code, 'INVALID_ARGUMENT', failure.message);
});

test(
  'R8 the store is nearly full: submits are refused with a code on every surface, what is there ends and is cancelled, room is used again',
  async (stage, context) => {
    const [alice, bob] = [stage.as('alice'), stage.as('bob')];
    const { url } = await startGateway(context, stage, { BATON_AUTH: 'dev' });
    const publisher = await connect({
      ...{ servers: stage.natsUrl, namespace: stage.namespace, role: 'publisher' },
      user: { id: 'alice' },
    });
    context.defer(() => publisher.close());
    const held: (() => void)[] = [];
    const holds = task({ name: 'r8.holds', queue: 'r8' }, async () => {
      getContext().onAbort(() => undefined);
      await new Promise<void>((resolve) => held.push(resolve));
      return LOAD;
    });
    const shares = task({ name: 'r8.shares', queue: 'r8', scope: TaskScope.Shared }, async () => {
      await new Promise<void>((resolve) => held.push(resolve));
    });
    await stage.serve(context, [holds, shares], { queues: ['r8'] });
    const ended = await alice.within(() => double.schedule(1));
    await ended.wait();
    const running = await alice.within(() => hangs.schedule());
    const ending = await alice.within(() => holds.schedule());
    const shared = await alice.within(() => shares.with({ taskKey: 'r8' }).schedule());
    const delayed = await alice.within(() => flaky.with({ delay: '6s' }).schedule(1));
    await until(running, ({ isAbortable }) => isAbortable);
    await until(ending, ({ isAbortable }) => isAbortable);

    const waiting = await fill(stage, context);
    const used = await bytesOf(stage);
    console.log(`${waiting.length} tasks taken, ${used} of ${LIMIT} bytes used`);
    assert.ok(used < LIMIT * 0.9, `nothing is left for those that are there: ${used}`);
    // Who writes nothing looks once a second.
    const post = () =>
      fetch(`${url}/api/v1/task/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie: 'baton_dev_user=alice', 'x-baton-csrf': '1' },
        body: JSON.stringify({ type: 'fx.double', args: [1] }),
      });
    const answer = await eventually(async () => {
      const told = await post();
      assert.is(told.status, 503);
      return (await told.json()) as { readonly code: string; readonly hint: string };
    });
    assert.is(answer.code, 'STORE_FULL');
    assert.match(answer.hint, /can be cancelled/);
    for (const submit of [
      () => alice.within(() => double.schedule(1)),
      () => alice.within(() => double(1)),
      () => alice.retry(ended),
      () => publisher.within(() => double.schedule(1)),
    ]) {
      const failure = await eventually(() => thrownBy(submit));
      assert.is(failure.code, 'STORE_FULL', failure.message);
    }

    const doctor = await runCli(stage, ['doctor']);
    assert.match(
      doctor.stdout,
      /FAIL {2}room +new tasks are refused: the records of the tasks take \d+ of 8000000 bytes/,
    );

    assert.is((await bob.within(() => shares.with({ taskKey: 'r8' }).schedule())).uuid, shared.uuid);
    assert.is((await running.cancel()).action, 'aborted');
    await running.wait({ timeout: '30s' });
    assert.is(running.status, 'aborted');
    for (const end of held) end();
    await ending.wait({ timeout: '30s' });
    assert.is(ending.result, LOAD);
    await shared.wait({ timeout: '60s' });
    await delayed.wait({ timeout: '60s' });
    assert.equal([delayed.status, delayed.attempt], ['success', 2]);
    const cancelled = await Promise.all(waiting.map((handle) => handle.cancel()));
    assert.ok(cancelled.every(({ action }) => action === 'aborted'));
    await converged(stage, 30_000);

    // An operator gives it more room: nothing has to be started again.
    await editStream(stage.ports, stage.ports.wire.names.tasksStream, { max_bytes: 4 * LIMIT });
    await eventually(async () => assert.is((await post()).status, 201), { limitMs: 10_000 });
    for (const supervisor of stage.supervisors) {
      assert.match(supervisor.output, /the store is nearly full: new tasks are refused/);
      await eventually(() => assert.match(supervisor.output, /there is room for new tasks again/));
    }
    const late = await eventually(() => alice.within(() => largeResult.schedule(100_000)), { limitMs: 5_000 });
    await late.wait({ timeout: '30s' });
    assert.is(late.status, 'success');
  },
  { limitMs: 120_000 },
);

test.run();
