// limit: 120s
// Q5 to Q7: limits that stand in the definition of a type, over two supervisors that are killed.
import { setTimeout as pause } from 'node:timers/promises';
import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, until } from '../support/stage.ts';

const test = stagedSuite('limits of types', { supervisors: 2, workers: 0, projectors: 0 });

const ends = (handles: readonly TaskHandle[], seconds = 60): Promise<unknown> =>
  Promise.all(handles.map((handle) => handle.wait({ timeout: seconds })));

test(
  'Q5 D10 a limit of a definition holds for all workers, also where nobody serves the type; what is set instead says so',
  async (stage, context) => {
    const { admin } = stage;
    let now = 0;
    let most = 0;
    const counted = task({ name: 'fx.defined', queue: 'defined', concurrency: 2 }, async () => {
      most = Math.max(most, ++now);
      await pause(60);
      now--;
    });
    const some = (count: number): Promise<readonly TaskHandle[]> =>
      stage.baton.within(() => Promise.all(Array.from({ length: count }, () => counted.schedule())));
    const early = await some(8);
    const workers = [
      await stage.serve(context, [counted], { queues: ['defined'], concurrency: 5 }),
      await stage.serve(context, [counted], { queues: ['defined'], concurrency: 5 }),
    ];
    await ends(early);
    assert.is(most, 2);
    for (const worker of workers) await worker.drain({ grace: 0 });
    for (const each of stage.supervisors) await each.kill();
    for (const each of stage.supervisors) await each.start();
    const late = await some(6);
    const shown = await runCli(stage, ['queue', 'defined']);
    assert.match(shown.stdout, /limit of type fx\.defined: 2 at once \(its definition\)/);
    most = 0;
    await stage.serve(context, [counted], { queues: ['defined'], concurrency: 5 });
    await ends(late);
    assert.is(most, 2);
    await admin.queues.limit('defined', { of: 'type', name: 'fx.defined', concurrency: 4, why: 'a larger machine' });
    most = 0;
    await ends(await some(12));
    assert.ok(most === 3 || most === 4, `${most}`);
    const set = await runCli(stage, ['queue', 'defined']);
    assert.match(set.stdout, /4 at once \(instead of 2 at once of its definition\)/);
    const [more] = await stage.baton.within(() =>
      Promise.all(Array.from({ length: 2 }, () => counted.with({ queue: 'elsewhere' }).schedule())),
    );
    assert.is(more?.record.queue, 'elsewhere');
    assert.not('limits' in (more?.record ?? {}));
  },
  { limitMs: 90_000 },
);

test(
  'Q5 Q6 groups and keys of a type are limited as it is defined, apart from each other; why tells which key is full',
  async (stage, context) => {
    const now = new Map<string, number>();
    const most = new Map<string, number>();
    let open = false;
    const moved = task(
      { name: 'fx.moved', queue: 'moved', perGroup: { concurrency: 2 }, perKey: { concurrency: 1 } },
      async (group: string, key: string) => {
        for (const each of [group, key]) {
          now.set(each, (now.get(each) ?? 0) + 1);
          most.set(each, Math.max(most.get(each) ?? 0, now.get(each) ?? 0));
        }
        if (open) await pause(40);
        else await eventually(() => assert.ok(open), { limitMs: 30_000, everyMs: 20 });
        for (const each of [group, key]) now.set(each, (now.get(each) ?? 0) - 1);
      },
    );
    await stage.serve(context, [moved], { queues: ['moved'], concurrency: 20 });
    const submit = (group: string, limitKey: string): Promise<TaskHandle> =>
      stage.baton.within(() => moved.with({ group, limitKey }).schedule(group, limitKey));
    const first = await submit('acme', 'dock 1');
    await until(first, ({ status }) => status === 'in_progress', 30_000);
    const second = await submit('other', 'dock 1');
    const why = await eventually(
      async () => {
        const found = await second.why();
        assert.is(found.reasons[0]?.kind, 'limit');
        return found;
      },
      { limitMs: 10_000 },
    );
    assert.match(
      why.text[0] ?? '',
      /^Key dock 1 of type fx\.moved of queue moved is at its limit of 1 at once \(as its type is defined\); held by /,
    );
    assert.is(second.record.limitKey, 'dock 1');
    const handles = [first, second];
    for (let i = 0; i < 24; i++) handles.push(await submit(`g${i % 2}`, `k${i % 5}`));
    // Without a key of its own a task counts by its task key.
    const own = moved.with({ taskKey: 'k1', group: 'g1' });
    handles.push(await stage.baton.within(() => own.schedule('g1', 'k1')));
    assert.is(handles.at(-1)?.record.limitKey, 'k1');
    await eventually(() => assert.ok((now.get('g0') ?? 0) + (now.get('g1') ?? 0) >= 3), { limitMs: 20_000 });
    open = true;
    await ends(handles);
    for (const [name, count] of most) assert.ok(count <= (/^g\d/.test(name) ? 2 : 1), `${name}: ${count}`);
    const shown = await runCli(stage, ['limit', 'moved', '--type', 'fx.moved', '--each-key', '--concurrency', '3']);
    assert.match(shown.stdout, /each key of type fx\.moved: 3 at once \(instead of 1 at once of its definition\)/);
    assert.match(shown.stdout, /each group of type fx\.moved: 2 at once \(its definition\)/);
  },
  { limitMs: 60_000 },
);

test(
  'Q7 a full group cancels its newest, or its oldest, as it is set, through a kill of its supervisors; the outcome says so',
  async (stage, context) => {
    const waits = (whenFull: 'cancel_newest' | 'cancel_running') =>
      task({ name: `fx.${whenFull}`, queue: 'full', perGroup: { concurrency: 1, whenFull } }, async (ms: number) => {
        const { signal } = getContext();
        await pause(ms, undefined, { signal }).catch(() => undefined);
        return 'ran';
      });
    const [newest, running] = [waits('cancel_newest'), waits('cancel_running')];
    await stage.serve(context, [newest, running], { queues: ['full'], concurrency: 9 });
    const submit = (of: typeof newest, ms: number): Promise<TaskHandle> =>
      stage.baton.within(() => of.with({ group: 'acme' }).schedule(ms));
    const begins = (handle: TaskHandle) => until(handle, ({ status }) => status === 'in_progress', 30_000);
    const stays = await begins(await submit(newest, 4_000));
    const comes = await submit(newest, 1);
    await comes.wait({ timeout: '60s' });
    assert.equal([comes.status, comes.record.abort?.cause, comes.attempt], ['aborted', 'displaced', 0]);
    assert.match(comes.record.history.at(-1)?.why ?? '', /^displaced: group acme of type fx\.cancel_newest has its 1/);
    assert.match((await comes.why()).text.join(' '), /It made room for another task/);
    const first = await begins(await submit(running, 60_000));
    for (const each of stage.supervisors) await each.kill();
    const second = await submit(running, 60_000);
    for (const each of stage.supervisors) await each.start();
    await first.wait({ timeout: '40s' });
    assert.equal([first.status, first.record.abort?.cause], ['aborted', 'displaced']);
    await begins(second);
    const last = await submit(running, 10);
    await ends([second, last, stays]);
    assert.equal([second.status, last.status, stays.status], ['aborted', 'success', 'success']);
    assert.ok((last.startedAt?.getTime() ?? 0) >= (second.endedAt?.getTime() ?? Number.POSITIVE_INFINITY) - 50);
  },
  { limitMs: 90_000 },
);

test.run();
