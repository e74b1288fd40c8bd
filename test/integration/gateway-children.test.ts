// limit: 120s
// G3, G4 by REST: a task with what it has spawned, a child with its parent, and why the parent waits; for who may see it.
import { getContext, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: children');

type Child = {
  readonly uuid: string;
  readonly task_name: string;
  readonly status: string | null;
  readonly leave: boolean;
};
type Shown = Readonly<Record<string, unknown>> & {
  readonly uuid: string;
  readonly status: string;
  readonly children: readonly Child[];
};

test(
  'G3, G4 both directions, the count, the progress and the wait are shown',
  async (context) => {
    const { call, baton } = await openGatewaySystem(context, { projector: true, supervisor: true });
    const open = new Map<string, () => void>();
    const part = task({ name: 'gateway.part' }, (name: string) => {
      getContext().onAbort(() => open.get(name)?.());
      return new Promise<string>((resolve) => void open.set(name, () => resolve(name)));
    });
    const whole = task({ name: 'gateway.whole', scope: 'shared' }, async () => {
      const { spawn, waitFor } = getContext();
      const stays = part.with({ taskName: 'Stays', onParentEnd: 'leave' });
      await waitFor([await spawn(part.with({ taskName: 'First' }), 'first'), await spawn(stays, 'stays')]);
    });
    const worker = await baton.startWorker({ tasks: [part, whole] });
    context.defer(() => worker.drain({ grace: 0 }));
    const get = async (uuid: string, as = 'alice') =>
      (await call('GET', `/api/v1/task/${uuid}`, { as })).at('result') as Shown;
    const made = await call('POST', '/api/v1/task/', {
      ...{ as: 'alice', body: { type: 'gateway.whole', task_key: 'k', task_name: 'Whole' } },
    });
    const { uuid } = made.at('task') as Shown;
    const waiting = await eventually(async () => {
      const shown = await get(uuid);
      assert.ok(shown['waiting_for'] !== null && open.size === 2);
      return shown;
    });
    const [first, stays] = waiting.children as [Child, Child];
    assert.equal(
      waiting.children.map(({ task_name, leave }) => [task_name, leave]),
      [
        ['First', false],
        ['Stays', true],
      ],
    );
    const { signal, children, until } = waiting['waiting_for'] as Readonly<Record<string, unknown>>;
    assert.equal([signal, children, typeof until], [null, [first.uuid, stays.uuid], 'string']);
    assert.equal([waiting['parent'], waiting['parent_task'], waiting['unserved']], [null, null, false]);
    assert.equal(waiting['may_signal'], true);
    await eventually(async () =>
      assert.equal(
        (await get(uuid)).children.map(({ status }) => status),
        ['in_progress', 'in_progress'],
      ),
    );
    const why = await call('GET', `/api/v1/task/${uuid}/why`, { as: 'alice' });
    const [reason] = why.at('reasons') as readonly Readonly<Record<string, unknown>>[];
    assert.equal([reason?.['kind'], reason?.['uuids'], reason?.['of']], ['children', [first.uuid, stays.uuid], 2]);

    open.get('first')?.();
    await eventually(async () => assert.equal((await get(uuid))['children_count'], { total: 2, done: 1, failed: 0 }));
    const half = await get(uuid);
    assert.equal([half['progress'], half['progress_text']], [{ fraction: 0.5 }, '50%']);
    const list = (await call('GET', '/api/v1/task/?name=Whole', { as: 'alice' })).at('result', 0) as Shown;
    assert.equal([list['children_count'], list['parent']], [{ total: 2, done: 1, failed: 0 }, null]);

    // Its children are of its scope, and of who waits for it.
    const child = await get(stays.uuid);
    assert.equal(
      [child['scope'], child['created_by'], child['parent'], child['parent_task']],
      ['shared', 'alice', { uuid, leave: true }, { task_name: 'Whole', status: 'pending' }],
    );
    assert.is((await call('GET', `/api/v1/task/${stays.uuid}`, { as: 'bob' })).status, 404);

    await call('POST', `/api/v1/task/${uuid}/cancel`, { as: 'alice', body: {} });
    await eventually(async () => assert.is((await get(uuid)).status, 'aborted'));
    assert.is((await get(stays.uuid)).status, 'in_progress');
    assert.equal((await get(stays.uuid))['parent_task'], { task_name: 'Whole', status: 'aborted' });
    open.get('stays')?.();
    await eventually(async () =>
      assert.equal(
        (await get(uuid)).children.map(({ status }) => status),
        ['success', 'success'],
      ),
    );
  },
  { limitMs: 60_000 },
);

test.run();
