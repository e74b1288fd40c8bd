// limit: 120s
// G1, G2 by REST: what a task waits for and what waits for it, for who may see it, and how it is submitted.
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: dependencies');

type Edge = { readonly uuid: string; readonly task_name: string | null; readonly status: string | null };
type Shown = Readonly<Record<string, unknown>> & {
  readonly uuid: string;
  readonly status: string;
  readonly depends_on: readonly (Edge & { readonly on_failure: string; readonly ended_at: string | null })[];
  readonly required_by: readonly Edge[];
};

test(
  'G1, G2 both directions are shown, and depends_on takes ids and what their failure means',
  async (context) => {
    const { call, baton } = await openGatewaySystem(context, { projector: true, supervisor: true });
    let open: (() => void) | undefined;
    const first = task({ name: 'gateway.first' }, () => new Promise<number>((resolve) => (open = () => resolve(7))));
    const quick = task({ name: 'gateway.quick', scope: 'shared' }, () => 1);
    const worker = await baton.startWorker({ tasks: [first, quick] });
    context.defer(() => worker.drain({ grace: 0 }));
    const submit = async (body: object, as = 'alice') => {
      const answer = await call('POST', '/api/v1/task/', { as, body });
      return { answer, task: answer.at('task') as Shown };
    };
    const get = async (uuid: string, as = 'alice') =>
      (await call('GET', `/api/v1/task/${uuid}`, { as })).at('result') as Shown;
    const { task: one } = await submit({ type: 'gateway.first', task_name: 'One' });
    const { task: old } = await submit({ type: 'gateway.quick', task_key: 'old', task_name: 'Old' });
    await eventually(async () => assert.is((await get(old.uuid)).status, 'success'));
    const wanted = [one.uuid, { task: old.uuid, on_failure: 'ignore' }];
    const { answer, task: two } = await submit({
      ...{ type: 'gateway.quick', task_key: 'two', task_name: 'Two', depends_on: wanted },
    });
    assert.is(answer.status, 201, answer.text);
    assert.equal([two.status, two['unserved']], ['pending', false]);
    await eventually(async () => {
      const shown = await get(two.uuid);
      assert.equal(
        shown.depends_on.map(({ uuid, task_name, on_failure, status }) => [uuid, task_name, on_failure, status]),
        [
          [one.uuid, 'One', 'fail', 'in_progress'],
          [old.uuid, 'Old', 'ignore', 'success'],
        ],
      );
      assert.is(shown.depends_on[0]?.ended_at, null);
    });
    assert.equal((await get(one.uuid)).required_by, [{ uuid: two.uuid, task_name: 'Two', status: 'pending' }]);
    assert.equal((await get(old.uuid)).required_by.length, 1);
    const list = (await call('GET', '/api/v1/task/?name=Two', { as: 'alice' })).at('result', 0) as Shown;
    assert.equal(
      list.depends_on.map(({ status }) => status),
      [null, 'success'],
    );

    // Somebody joins: he sees the task, and not what its creator waits for.
    await submit({ type: 'gateway.quick', task_key: 'two' }, 'bob');
    const bobs = await get(two.uuid, 'bob');
    assert.equal(
      bobs.depends_on.map(({ task_name, status }) => [task_name, status]),
      [
        [null, null],
        [null, 'success'],
      ],
    );
    const stranger = await submit({ type: 'gateway.quick', task_key: 'x', depends_on: [one.uuid] }, 'bob');
    assert.equal([stranger.answer.status, stranger.answer.at('code')], [404, 'DEPENDENCY_NOT_FOUND']);

    for (const [body, status, code] of [
      [{ depends_on: ['no-such-task'] }, 404, 'DEPENDENCY_NOT_FOUND'],
      [{ depends_on: [one.uuid, one.uuid] }, 400, 'INVALID_ARGUMENT'],
      [{ depends_on: [{ task: one.uuid, on_failure: 'retry' }] }, 400, 'INVALID_ARGUMENT'],
      [{ depends_on: [{ task: one.uuid, address: 'x' }] }, 400, 'INVALID_ARGUMENT'],
      [{ depends_on: Array.from({ length: 101 }, () => one.uuid) }, 400, 'INVALID_ARGUMENT'],
      [{ depends_on: [one.uuid], mode: 'replace' }, 400, 'INVALID_ARGUMENT'],
      [{ task_key: 'two', depends_on: [two.uuid] }, 409, 'WAITS_FOR_ITSELF'],
    ] as const) {
      const bad = await submit({ type: 'gateway.quick', task_key: 'bad', ...body });
      assert.equal([bad.answer.status, bad.answer.at('code')], [status, code], bad.answer.text);
    }

    const { task: three } = await submit({ type: 'gateway.quick', task_key: 'three', depends_on: [two.uuid] });
    await eventually(() => assert.ok(open !== undefined));
    open?.();
    await eventually(async () => assert.is((await get(three.uuid)).status, 'success'));
    assert.equal(
      (await get(two.uuid)).depends_on.map(({ status }) => status),
      ['success', 'success'],
    );
    assert.equal((await get(two.uuid)).required_by, [{ uuid: three.uuid, task_name: 'three', status: 'success' }]);

    const { task: doomed } = await submit({ type: 'nobody.serves', task_key: 'doomed' });
    const { task: behind } = await submit({ type: 'gateway.quick', task_key: 'behind', depends_on: [doomed.uuid] });
    await call('POST', `/api/v1/task/${doomed.uuid}/cancel`, { as: 'alice', body: {} });
    await eventually(async () => assert.is((await get(behind.uuid)).status, 'failure'));
    assert.is((await get(behind.uuid))['exception_type'], 'DependencyFailedError');
    const retry = await call('POST', `/api/v1/task/${behind.uuid}/retry`, { as: 'alice', body: {} });
    assert.equal([retry.status, retry.at('code')], [422, 'DEPENDENCY_FAILED']);
  },
  { limitMs: 60_000 },
);

test.run();
