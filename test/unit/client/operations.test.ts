// D7 where it is hard: the caller dies, or is told nothing, between the note of an operation and its task.
import { isTerminal, type Actor } from '@baton/core';
import { readRecord } from '@baton/protocols';
import {
  Catalogue,
  createKernel,
  encodeArguments,
  silentLog,
  submitTask,
  type Submission,
  type SubmitRequest,
} from '@baton/runtime';
import { createMemoryWorld, createVirtualClock, type FaultRule } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('operation ids under faults');

const ALICE: Actor = { user: 'alice', admin: false };
const REQUEST: SubmitRequest = {
  ...{ type: 'job', overrides: {}, key: 'k', operationId: 'op' },
};

const createScene = (seed: number) => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs: [0, 3] });
  const submitAs = (node: string, change: Partial<SubmitRequest> = {}, actor = ALICE): Promise<Submission | Error> => {
    const ports = world.ports(node);
    const catalogue = new Catalogue({ definitions: ports.definitions, clock: ports.clock, log: silentLog });
    const parts = { ports, kernel: createKernel(ports), log: silentLog, catalogue, unknownTypes: 'accept' } as const;
    return submitTask(parts, actor, { ...REQUEST, ...change }).catch((error: unknown) => error as Error);
  };
  /** Ids of all tasks there ever were. */
  const tasks = (): readonly string[] => {
    const ids = world.history().flatMap(({ bytes }) => {
      const reading = readRecord(bytes);
      return reading.kind === 'record' ? [reading.record.id] : [];
    });
    return [...new Set(ids)];
  };
  /** Ends the task that is at the key, as a worker and the projector do, and lets the server forget it. */
  const end = async (): Promise<void> => {
    const ports = world.ports('worker');
    const kernel = createKernel(ports);
    const [head] = world.heads();
    if (head === undefined) throw new Error('there is no task');
    const { address } = head;
    const fence = { epoch: ports.store.epoch, revision: head.revision };
    const { id } = (await clock.settle(kernel.load(address)))?.record ?? {};
    if (id === undefined) throw new Error('there is no task');
    const at = clock.now();
    const claim = { kind: 'claim', at, id, worker: 'w', ...fence, offered: head.revision } as const;
    await clock.settle(kernel.ask(address, () => claim));
    const finish = {
      at,
      fence,
      body: { kind: 'returned' },
      handlerErrors: [],
      abortHandled: false,
      random: 0,
    } as const;
    const done = await clock.settle(kernel.ask(address, () => ({ kind: 'finish', ...finish })));
    assert.ok(done.kind === 'done' && isTerminal(done.record.status));
  };
  return { clock, world, submitAs, tasks, end };
};

const idOf = (submission: Submission | Error): string | undefined =>
  !(submission instanceof Error) && submission.kind === 'done' ? submission.id : undefined;

const RULES: readonly FaultRule[] = (['operation.write', 'store.write'] as const).flatMap((op) =>
  (['lost-request', 'lost-reply', 'late-apply', 'refused', 'delay'] as const).map((fault) => ({ op, fault })),
);

test('D7 whatever gets lost on the first call, a repeat makes one task and no second one', async () => {
  for (const rule of RULES) {
    for (let seed = 0; seed < 8; seed++) {
      const { clock, world, submitAs, tasks } = createScene(seed);
      const title = `${rule.op} ${rule.fault} seed ${seed}`;
      const fault = world.inject({ ...rule, node: 'first', times: 1 });
      const first = await clock.settle(submitAs('first'));
      assert.is(fault.hits(), 1, title);
      await clock.advance(seed % 2 === 0 ? 0 : 20_000);
      const second = await clock.settle(submitAs('second'));
      await clock.advance(20_000);
      const third = await clock.settle(submitAs('third'));
      assert.is(tasks().length, 1, title);
      assert.is(idOf(third), tasks()[0], title);
      for (const one of [first, second]) assert.ok([undefined, tasks()[0]].includes(idOf(one)), title);
    }
  }
});

test('D7 whenever the first caller dies, a repeat makes one task', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const { clock, world, submitAs, tasks } = createScene(seed);
    void submitAs('first');
    await clock.advance(seed / 4);
    world.node('first').crash();
    const second = await clock.settle(submitAs('second'));
    assert.is(tasks().length, 1, `seed ${seed}`);
    assert.is(idOf(second), tasks()[0], `seed ${seed}`);
  }
});

test('D7 many at once, in several processes, come to one task', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { clock, submitAs, tasks } = createScene(seed);
    const all = await clock.settle(Promise.all(Array.from({ length: 20 }, (_, i) => submitAs(`p${i % 5}`))));
    assert.is(tasks().length, 1);
    assert.ok(all.every((one) => idOf(one) === tasks()[0]));
    assert.is(all.filter((one) => !(one instanceof Error) && one.kind === 'done' && one.isNew).length, 1);
  }
});

test('D7 after the end, and with another task at the key, a repeat still tells of the first', async () => {
  const { clock, submitAs, tasks, end } = createScene(1);
  const first = await clock.settle(submitAs('first'));
  await end();
  const other = await clock.settle(submitAs('other', { operationId: 'another' }));
  assert.is.not(idOf(other), idOf(first));
  await end();
  const again = await clock.settle(submitAs('first'));
  assert.is(idOf(again), idOf(first));
  assert.is(tasks().length, 2);
});

test('D7 when nobody can tell any more, no second task is made, and that is said', async () => {
  const { clock, world, submitAs, tasks, end } = createScene(3);
  // The note is written; the task never is.
  world.inject({ op: 'store.write', fault: 'lost-request', node: 'first' });
  world.inject({ op: 'store.load', fault: 'refused', node: 'first' });
  assert.is(idOf(await clock.settle(submitAs('first'))), undefined);
  const other = await clock.settle(submitAs('other', { operationId: 'another' }));
  await end();
  const doubt = await clock.settle(submitAs('second'));
  assert.ok(!(doubt instanceof Error) && doubt.kind === 'unknown', 'it may have been the first to use the key');
  assert.equal(tasks(), [idOf(other)]);
  const active = await clock.settle(submitAs('other', { operationId: 'third' }));
  const joined = await clock.settle(submitAs('second'));
  assert.is(idOf(joined), idOf(active), 'to join makes no task');
});

test('D7 a repeat that fails takes no large arguments away from the task of the first call', async () => {
  const { clock, world, submitAs, tasks } = createScene(6);
  const args = encodeArguments(['x'.repeat(200_000)], 1_000_000);
  // The first write arrives after everybody has given up on it.
  world.inject({ op: 'store.write', fault: 'late-apply', node: 'first', times: 1, delayMs: 20_000 });
  world.inject({ op: 'store.load', fault: 'refused', node: 'first' });
  await clock.settle(submitAs('first', { args }));
  world.inject({ op: 'store.write', fault: 'refused', node: 'second', times: 1 });
  const second = await clock.settle(submitAs('second', { args }));
  assert.ok(!(second instanceof Error) && second.kind === 'failed');
  await clock.advance(30_000);
  assert.is(tasks().length, 1);
  assert.is(world.objects().length, 1, 'the arguments of the task are there');
});

test('D7 users have operation ids of their own, and so has who has no user', async () => {
  const { clock, submitAs } = createScene(4);
  const shared = { overrides: { scope: 'system' }, key: undefined } as const;
  const actors: readonly Actor[] = [{ user: 'a', admin: true }, { user: 'b', admin: true }, { admin: true }];
  const ids = [];
  for (const actor of actors) {
    const { key: _key, ...request } = { ...REQUEST, ...shared };
    ids.push(idOf(await clock.settle(submitAs('p', { ...request, key: `${actor.user}` }, actor))));
  }
  assert.is(new Set(ids).size, 3);
});

test('D7 an operation id that was used for something else makes nothing', async () => {
  const { clock, world, submitAs, tasks } = createScene(5);
  world.inject({ op: 'store.write', fault: 'refused', node: 'first', times: 1 });
  await clock.settle(submitAs('first'));
  const other = await clock.settle(submitAs('second', { key: 'another' }));
  assert.ok(other instanceof Error && (other as Error & { code?: string }).code === 'INVALID_ARGUMENT');
  assert.equal(tasks(), []);
});

test('D7 a repeat with other arguments or options is told that they differ, however large they are', async () => {
  for (const size of [10, 100_000]) {
    const { clock, submitAs, tasks } = createScene(1);
    const args = (text: string) => encodeArguments([text.repeat(size)], 8_000_000);
    const given = { args: args('a'), overrides: { priority: 'low' } } as const;
    const first = await clock.settle(submitAs('a', given));
    const same = await clock.settle(submitAs('b', given));
    const others = [
      await clock.settle(submitAs('b', { ...given, args: args('b') })),
      await clock.settle(submitAs('b', { ...given, args: undefined })),
      await clock.settle(submitAs('b', { ...given, overrides: { priority: 'high' } })),
      await clock.settle(submitAs('b', { ...given, name: 'another' })),
      await clock.settle(submitAs('b', { ...given, key: 'another' })),
    ];
    const told = [first, same, ...others].map((one) =>
      one instanceof Error || one.kind !== 'done' ? one : [one.id === idOf(first), one.outcome, one.differs],
    );
    const other = [true, 'created', true];
    assert.equal(told, [[true, 'created', false], [true, 'created', false], other, other, other, other, other]);
    assert.is(tasks().length, 1);
  }
});

test.run();
