// G3 and G4 in one process, where hours pass at once.
import { rejects } from 'node:assert/strict';
import { getContext, task, TerminalError, type ChildTask, type TaskHandle } from '@baton/sdk';
import { addressOf, encodeData } from '@baton/protocols';
import { createKernel } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/test-body.ts';
import { createTestBaton, type TestBaton } from './test-baton.ts';

const test = suite('children, in memory');

/** Hours of a busy system, on a machine that may have other things to do. */
const SLOW = { limitMs: 60_000 };

type Codes = { readonly code?: string; readonly message: string };

const codeOf = (thrown: unknown): string | undefined => (thrown as Codes).code;

/** A part that takes its time, and says how far it is; `stubborn`: it cannot be stopped. */
const parts = (t: TestBaton, seen: string[]) => {
  const part = task(
    { name: 'part', retry: { maxAttempts: 3, backoff: { initial: '1m', jitter: 0 } } },
    async (name: string, minutes: number, how: 'well' | 'badly' | 'stubborn' = 'well') => {
      const context = getContext();
      const { updateTask, attempt } = context;
      seen.push(`${name} ${attempt}`);
      for (let minute = 0; minute < minutes; minute++) {
        await t.sleep('1m');
        if (how !== 'stubborn') context.signal.throwIfAborted();
        updateTask({ progress: [minute + 1, minutes], payload: { minute } });
      }
      if (how === 'badly') throw new TerminalError(`${name} went wrong`);
      return `${name} done`;
    },
  );
  return part;
};

const open = async ({ defer }: Pick<TestContext, 'defer'>) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const seen: string[] = [];
  const part = parts(t, seen);
  /** Its children, wherever their parent is. */
  const family = async (parent: TaskHandle): Promise<readonly TaskHandle[]> => {
    await t.run(() => parent.refresh());
    const all: TaskHandle[] = [];
    for (const { id, address } of parent.record.children ?? [])
      all.push(await t.run(() => t.baton.open({ uuid: id, address })));
    return all;
  };
  const statuses = async (parent: TaskHandle) =>
    Object.fromEntries((await family(parent)).map(({ name, status }) => [name, status]));
  return { t, seen, part, family, statuses };
};

test(
  'G3, G4 children run elsewhere while their parent has no slot; it goes on with what they left, in the same attempt',
  async (context) => {
    const { t, seen, part } = await open(context);
    const whole = task({ name: 'whole' }, async () => {
      const { spawn, waitFor, attempt } = getContext();
      seen.push(`whole ${attempt}`);
      const children = await Promise.all([spawn(part, 'a', 2), spawn(part.with({ taskKey: 'bee' }), 'b', 4)]);
      const outcomes = await waitFor(children);
      return outcomes.map(({ status, result, payload, error, name }) => [name, status, result, payload, error]);
    });
    // One slot: the children could not run if the parent kept it.
    await t.startWorker({ tasks: [whole, part], concurrency: 1 });
    const job = await t.run(() => whole.schedule());
    await t.advance('1m');
    await t.run(() => job.refresh());
    assert.equal([job.status, job.record.waiting && 'children' in job.record.waiting], ['pending', true]);
    assert.match(
      (await t.run(() => job.why())).text[0] ?? '',
      /^It waits for 2 children to end, until .*: .* and .*\.$/,
    );
    await t.run(() => job.wait());
    assert.equal(job.result, [
      ['part', 'success', 'a done', { minute: 1 }, null],
      ['bee', 'success', 'b done', { minute: 3 }, null],
    ]);
    assert.equal([job.attempt, job.record.rescues], [1, undefined]);
    // They were spawned at once: either may come first.
    assert.equal(
      [seen[0], new Set(seen.slice(1, 3)), seen.slice(3)],
      ['whole 1', new Set(['a 1', 'b 1']), ['whole 1']],
    );
  },
  SLOW,
);

test(
  'G3 a retry, a rescue and a drain of the parent spawn nothing anew, by order or by key',
  async (context) => {
    const { t, seen, part, family } = await open(context);
    let fails = true;
    const whole = task(
      { name: 'whole', retry: { maxAttempts: 2, backoff: { initial: '5s', jitter: 0 } } },
      async () => {
        const { spawn, waitFor, attempt } = getContext();
        const first = await spawn(part, 'first', 3);
        const named = await spawn(part.with({ taskKey: 'named' }), 'named', 3);
        const again = await spawn(part.with({ taskKey: 'named' }), 'another', 9);
        assert.is(again.uuid, named.uuid);
        const second = await spawn(part, 'second', 3);
        assert.is(new Set([first.uuid, named.uuid, second.uuid]).size, 3);
        if (fails) {
          fails = false;
          throw new Error('once');
        }
        seen.push(`whole ${attempt}`);
        await t.sleep('1m');
        return (await waitFor([first, named, second])).map(({ result }) => result);
      },
    );
    const worker = await t.startWorker({ tasks: [whole, part], concurrency: 10 });
    const job = await t.run(() => whole.schedule());
    await t.advance('30s');
    assert.equal(
      seen.filter((one) => one.startsWith('whole')),
      ['whole 2'],
    );
    worker.crash();
    await t.startWorker({ tasks: [whole, part], concurrency: 10 });
    await t.run(() => job.wait());
    assert.equal(job.result, ['first done', 'named done', 'second done']);
    assert.equal((await family(job)).length, 3);
    assert.is(job.record.rescues, 1);
    // Each child was taken over once, as its parent was, and none was made twice.
    assert.equal(
      seen.filter((one) => one.startsWith('first')),
      ['first 1', 'first 2'],
    );
  },
  SLOW,
);

test(
  'G3 a child that ended long ago, and was forgotten, is not spawned anew by a later attempt',
  async (context) => {
    const { t, seen, part } = await open(context);
    const whole = task(
      { name: 'whole', retry: { maxAttempts: 2, backoff: { initial: '80m', max: '80m', jitter: 0 } } },
      async () => {
        const { spawn, waitFor, attempt } = getContext();
        const child = await spawn(part, 'early', 1);
        if (attempt === 1) {
          await t.sleep('10m');
          throw new Error('later');
        }
        const [outcome] = await waitFor(child);
        return outcome?.result;
      },
    );
    await t.startWorker({ tasks: [whole, part] });
    const job = await t.run(() => whole.schedule());
    await t.advance('90m');
    await t.run(() => job.wait());
    assert.equal([job.status, job.result, job.attempt], ['success', 'early done', 2]);
    assert.equal(seen, ['early 1']);
  },
  SLOW,
);

test(
  'G3 children are cancelled with their parent: by a cancel of what waits and of what runs, its timeout, its failure',
  async (context) => {
    const { t, part, statuses } = await open(context);
    const ends = {
      waits: async (children: readonly ChildTask[]) => void (await getContext().waitFor(children)),
      runs: async () => {
        const { signal } = getContext();
        for (;;) {
          await t.sleep('1s');
          signal.throwIfAborted();
        }
      },
      fails: async () => {
        await t.sleep('5s');
        throw new TerminalError('no more');
      },
      returns: () => t.sleep('5s'),
    };
    const whole = task({ name: 'whole' }, async (how: keyof typeof ends) => {
      const { spawn } = getContext();
      const stays = part.with({ taskKey: 'stays', onParentEnd: 'leave' });
      const later = part.with({ taskKey: 'later', delay: '1h' });
      await ends[how](await Promise.all([spawn(part, 'goes', 4), spawn(stays, 'stays', 4), spawn(later, 'later', 1)]));
    });
    await t.startWorker({ tasks: [whole, part] });
    for (const [how, status] of [
      ...[['waits', 'aborted'] as const, ['runs', 'aborted'] as const, ['runs', 'timed_out'] as const],
      ...[['fails', 'failure'] as const, ['returns', 'success'] as const],
    ]) {
      const options = status === 'timed_out' ? { timeout: '20s' } : {};
      const job = await t.run(() => whole.with(options).schedule(how));
      await t.advance('10s');
      if (status === 'aborted') assert.equal(await t.run(() => job.cancel()), { action: 'aborted' });
      await t.advance('2m');
      await t.run(() => job.refresh());
      assert.is(job.status, status, how);
      const isOver = status !== 'success';
      const [goes, later] = isOver ? ['aborted', 'aborted'] : ['in_progress', 'pending'];
      assert.equal(await statuses(job), { part: goes, stays: 'in_progress', later }, `${how} ${status}`);
      await t.advance('3m');
      assert.equal((await statuses(job))['stays'], 'success', `${how}: the one that was to be left`);
    }
  },
  SLOW,
);

test(
  'G3 a child is cancelled by its parent, told so, with grandchildren; one that cannot be stopped is not run again',
  async (context) => {
    const { t, part, family } = await open(context);
    const middle = task({ name: 'middle' }, async () => {
      const { spawn, waitFor } = getContext();
      await waitFor(await spawn(part, 'grandchild', 60));
    });
    // It can be stopped only then, which is between two looks at its parent.
    const late = task({ name: 'late' }, async () => {
      const context = getContext();
      await t.sleep('47s');
      const { signal } = context;
      while (!signal.aborted) await t.sleep(0.1);
      throw signal.reason;
    });
    const whole = task({ name: 'whole' }, async () => {
      const { spawn, waitFor } = getContext();
      await waitFor([await spawn(middle), await spawn(part, 'stubborn', 3, 'stubborn'), await spawn(late)]);
    });
    await t.startWorker({ tasks: [whole, middle, part, late] });
    const job = await t.run(() => whole.schedule());
    await t.advance('30s');
    await t.run(() => job.cancel());
    await t.advance('2m');
    const [between, stubborn, stopped] = (await family(job)) as [TaskHandle, TaskHandle, TaskHandle];
    const { startedAt = 0, endedAt = Number.POSITIVE_INFINITY } = stopped.record;
    assert.is(stopped.status, 'aborted');
    assert.ok(endedAt - startedAt < 49_000, `after ${endedAt - startedAt} ms`);
    assert.equal([between.status, between.record.abort?.by], ['aborted', `task:${job.uuid}`]);
    assert.match(between.record.history.at(-1)?.why ?? '', 'its parent was aborted');
    const [grandchild] = await family(between);
    assert.is(grandchild?.status, 'aborted');
    assert.is(stubborn.status, 'in_progress');
    await t.advance('5m');
    await t.run(() => stubborn.refresh());
    assert.equal([stubborn.status, stubborn.attempt], ['success', 1]);
  },
  SLOW,
);

test(
  'G4 a child that fails, is cancelled or is lost ends the wait at once with the reason; or is told with continue',
  async (context) => {
    const { t, part, family } = await open(context);
    const whole = task({ name: 'whole' }, async (onFailure: 'fail' | 'continue') => {
      const { spawn, waitFor } = getContext();
      const children = [
        await spawn(part, 'slow', 30),
        await spawn(part, 'bad', 2, 'badly'),
        await spawn(part, 'mid', 3),
      ];
      const outcomes = await waitFor(children, { onFailure });
      return outcomes.map(({ status, result, error }) => [status, result, error?.message]);
    });
    await t.startWorker({ tasks: [whole, part] });
    const job = await t.run(() => whole.schedule('fail'));
    await t.advance('3m');
    await t.run(() => job.wait());
    const bad = (await family(job))[1];
    assert.equal([job.status, job.error?.type], ['failure', 'ChildFailedError']);
    assert.is(job.error?.message, `child part (${bad?.uuid}) did not succeed (status=failure)`);
    const on = await t.run(() => whole.schedule('continue'));
    await t.advance('2m');
    const [slow] = await family(on);
    await t.run(() => slow?.cancel());
    await t.run(() => on.wait());
    assert.equal(on.result, [
      ['aborted', null, null],
      ['failure', null, 'bad went wrong'],
      ['success', 'mid done', null],
    ]);
  },
  SLOW,
);

test(
  'G4 a wait that is over throws in every run, and the children go on; a second one finds them',
  async (context) => {
    const { t, part } = await open(context);
    const seen: unknown[] = [];
    const whole = task({ name: 'whole' }, async () => {
      const { spawn, waitFor } = getContext();
      const child = await spawn(part, 'slow', 10);
      const late = await waitFor(child, { timeout: '2m' }).catch(codeOf);
      seen.push(late);
      const outcomes = await waitFor([child, child]);
      return [late, ...outcomes.map(({ result }) => result)];
    });
    await t.startWorker({ tasks: [whole, part] });
    const job = await t.run(() => whole.schedule());
    await t.run(() => job.wait());
    assert.equal(job.result, ['CHILDREN_TIMEOUT', 'slow done', 'slow done']);
    assert.equal(seen, ['CHILDREN_TIMEOUT', 'CHILDREN_TIMEOUT']);
    assert.equal([job.attempt, job.record.waitsOver], [1, [1]]);
  },
  SLOW,
);

test(
  'G3 the progress of children is that of a parent that tells none, written once in a while however many end',
  async (context) => {
    const { t, part } = await open(context);
    const quick = task({ name: 'quick' }, (ms: number) => t.sleep(ms / 1_000));
    const whole = task({ name: 'whole' }, async (tells: boolean) => {
      const { spawn, waitFor, updateTask } = getContext();
      if (tells) updateTask({ progress: 0.9 });
      const quicks = Array.from({ length: 39 }, (_, i) => spawn(quick, 100 * i));
      await waitFor(await Promise.all([spawn(part, 'slow', 10), ...quicks]));
    });
    await t.startWorker({ tasks: [whole, part, quick], concurrency: 50 });
    const job = await t.run(() => whole.schedule(false));
    await t.advance('1m');
    await t.run(() => job.refresh());
    const children = job.record.children ?? [];
    assert.is(children.filter(({ end }) => end !== undefined).length, 39);
    assert.equal(job.progress, { fraction: 39 / 40 });
    const { revision } = job;
    // Made, claimed, named all of them, suspended; and then the ends, gathered.
    const written = () => t.world.history().filter(({ address }) => address === job.address).length;
    const before = written();
    assert.ok(before <= 12, `${before} writes for 40 children`);
    await t.advance('5m');
    await t.run(() => job.refresh());
    const { share = 0 } = (job.record.children ?? []).find(({ end }) => end === undefined) ?? {};
    assert.ok(share >= 0.4 && share < 1, `${share}`);
    assert.equal(job.progress, { fraction: (39 + share) / 40 });
    assert.ok(job.revision > revision);
    assert.ok(
      written() - before <= 6,
      `${written() - before} writes while it waited, for a child that tells each minute`,
    );
    const other = await t.run(() => whole.schedule(true));
    await t.advance('1m');
    await t.run(() => other.refresh());
    assert.equal(other.progress, { fraction: 0.9 });
  },
  SLOW,
);

test(
  'G4 the end of the last child ends the wait at once, however shortly before another one was told of',
  async (context) => {
    const { t, family } = await open(context);
    const nap = task({ name: 'nap' }, (ms: number) => t.sleep(ms / 1_000));
    const whole = task({ name: 'whole' }, async () => {
      const { spawn, waitFor } = getContext();
      await waitFor([await spawn(nap, 3_000), await spawn(nap, 3_400), await spawn(nap, 3_800)]);
    });
    await t.startWorker({ tasks: [whole, nap] });
    const job = await t.run(() => whole.schedule());
    await t.run(() => job.wait());
    const ends = (await family(job)).map(({ record }) => record.endedAt ?? 0);
    const late = (job.record.endedAt ?? 0) - Math.max(...ends);
    assert.ok(late >= 0 && late < 500, `${late} ms late`);
  },
  SLOW,
);

test(
  'G3 a child whose spawner died before its parent named it is named, and cancelled with its parent',
  async (context) => {
    const { t, part } = await open(context);
    const whole = task({ name: 'whole' }, async () => {
      const { signal } = getContext();
      while (!signal.aborted) await t.sleep('1s');
    });
    await t.startWorker({ tasks: [whole, part] });
    const job = await t.run(() => whole.schedule());
    await t.advance('2s');
    // What a run that dies then has come to.
    const ports = t.world.ports('spawner');
    const key = `${job.uuid}/part.1`;
    const { scope, creator = '', policy } = job.record;
    const spec = {
      ...{ id: ports.chance.uuid(), type: 'part', key, name: 'part', scope, creator, queue: 'default' },
      ...({ priority: 'normal', mode: 'async', policy, awaited: true } as const),
      args: encodeData(['lost', 60]),
      parent: { id: job.uuid, address: job.address },
    };
    const address = addressOf({ scope, type: 'part', key, user: creator });
    const at = ports.clock.now();
    const asked = await t.run(() =>
      createKernel(ports).ask(address, () => ({ kind: 'spawn', at, spec, subscribers: [] })),
    );
    assert.is(asked.kind, 'done');
    await t.advance('30s');
    await t.run(() => job.refresh());
    assert.equal(
      job.record.children?.map(({ id, name }) => [id, name]),
      [[spec.id, 'part']],
    );
    const child = await t.run(() => t.baton.open({ uuid: spec.id, address }));
    assert.is(child.status, 'in_progress');
    await t.run(() => job.cancel());
    await t.advance('2m');
    await t.run(() => child.refresh());
    assert.equal([child.status, child.record.abort?.by], ['aborted', `task:${job.uuid}`]);
  },
  SLOW,
);

test(
  'G3 what cannot be a child is refused: options of its parent, strangers, too many, and after the body',
  async (context) => {
    const { t, part } = await open(context);
    const codes: unknown[] = [];
    const stranger = await t.run(() => part.schedule('stranger', 1));
    const tried = async (call: () => Promise<unknown>): Promise<void> => void codes.push(await call().catch(codeOf));
    const whole = task({ name: 'whole' }, async () => {
      const { spawn, waitFor, onCleanup } = getContext();
      for (const options of [
        { scope: 'shared' },
        { operationId: 'x' },
        { mode: 'replace' },
        { taskKey: 'x'.repeat(250) },
      ] as const)
        await tried(() => spawn(part.with(options), 'no', 1));
      await tried(() => spawn('part' as never));
      await tried(() => waitFor(stranger as never));
      await tried(() => waitFor([{ uuid: 1 }] as never));
      await tried(() => waitFor([], { onFailure: 'ignore' as never }));
      assert.equal(await waitFor([]), []);
      onCleanup(() => tried(() => spawn(part, 'late', 1)));
      for (let i = 0; i < 100; i++) await spawn(part.with({ delay: '1d' }), `${i}`, 1);
      await tried(() => spawn(part, 'one too many', 1));
    });
    await t.startWorker({ tasks: [whole, part] });
    const job = await t.run(() => whole.schedule());
    await t.run(() => job.wait());
    assert.is(job.status, 'success', job.error?.message);
    const invalid = 'INVALID_ARGUMENT';
    assert.equal(codes, [...Array.from({ length: 8 }, () => invalid), 'CHILDREN_FULL', 'SPAWN_UNSUPPORTED']);
    await rejects(() => t.run(() => part.with({ onParentEnd: 'leave' }).schedule('x', 1)), /onParentEnd/);
  },
  SLOW,
);

test(
  'G3 children are of the scope and the subscribers of their parent, and can be waited for by others',
  async (context) => {
    const { t, part, family } = await open(context);
    const whole = task({ name: 'whole', scope: 'shared' }, async () => {
      const { spawn, waitFor } = getContext();
      const first = await spawn(part, 'first', 2);
      const second = await spawn(part.with({ dependsOn: [first] }), 'second', 1);
      return (await waitFor([second, first])).map(({ result }) => result);
    });
    const job = await t.run(() => whole.with({ taskKey: 'k' }).schedule());
    await t.run(() => whole.with({ taskKey: 'k' }).schedule(), { user: { id: 'bob' } });
    await t.startWorker({ tasks: [whole, part] });
    await t.run(() => job.wait());
    assert.equal(job.result, ['second done', 'first done']);
    for (const child of await family(job)) {
      assert.equal([child.scope, child.record.creator], ['shared', job.record.creator]);
      assert.equal(
        child.subscribers.map(({ user }) => user),
        job.subscribers.map(({ user }) => user),
      );
      assert.equal([child.record.parent?.id, child.type], [job.uuid, 'part']);
    }
  },
  SLOW,
);

test(
  'G4 an inline call that waits for children goes on in any worker, and resolves with its end',
  async (context) => {
    const { t, part } = await open(context);
    const whole = task({ name: 'whole' }, async () => {
      const { spawn, waitFor } = getContext();
      const [outcome] = await waitFor(await spawn(part, 'a', 2));
      return outcome?.result;
    });
    await t.startWorker({ tasks: [whole, part] });
    const job = await t.run(() => whole());
    assert.equal([job.status, job.result, job.record.mode], ['success', 'a done', 'sync']);
  },
  SLOW,
);

test('G3 a server that refuses for a moment, as while a leader is chosen, fails no parent', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const child = task({ name: 'child' }, () => 1);
  const parent = task({ name: 'parent' }, async () => {
    const { spawn, waitFor } = getContext();
    t.world.inject({ op: 'store.write', fault: 'refused', times: 1 });
    return (await waitFor([await spawn(child)])).length;
  });
  await t.startWorker({ tasks: [parent, child] });
  const handle = await t.run(() => parent.schedule());
  await t.run(() => handle.wait());
  assert.equal([handle.status, handle.result, handle.record.children?.length], ['success', 1, 1]);
});

test.run();
