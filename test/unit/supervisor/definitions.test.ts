// D10: what supervisors keep of what workers serve, under deaths, conflicts and faults.
import type { KeptDefinition, Policy, Scope } from '@baton/core';
import { createSupervisor, type Log } from '@baton/runtime';
import { createBaton, task, type Baton } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, until, type Stage } from './world.ts';

const test = suite('supervisor: definitions');

type Said = { readonly fields: Readonly<Record<string, unknown>>; readonly text: string };

/** A log that keeps warnings and what is said at info. */
const listening = () => {
  const said: Said[] = [];
  const note = (fields: object, text?: string): void =>
    void said.push({ fields: fields as Said['fields'], text: text ?? '' });
  const log = { trace() {}, debug() {}, info: note, warn: note, error: note, fatal: note } as unknown as Log;
  Object.assign(log, { child: () => log });
  return { said, log };
};

const supervise = async ({ clock, world }: Stage, name: string) => {
  const { said, log } = listening();
  const supervisor = createSupervisor(world.ports(name), { id: name, log });
  await clock.settle(supervisor.start());
  await clock.advance(1_000);
  return { said, supervisor };
};

const serve = async ({ clock, world }: Stage, name: string, type: string, options: object = {}): Promise<Baton> => {
  const baton = createBaton({ ports: world.ports(name), user: { id: 'alice' }, nodeName: name });
  const served = task({ name: type, ...options }, () => 1);
  await clock.settle(baton.startWorker({ tasks: [served], handleStrayErrors: false }));
  return baton;
};

const keptOf = async ({ clock, world }: Stage, type: string): Promise<KeptDefinition | undefined> =>
  (await clock.settle(world.ports('outside').definitions.load(type)))?.kept;

const brief = async (stage: Stage, type: string): Promise<readonly [Scope, Policy, number] | undefined> => {
  const kept = await keptOf(stage, type);
  return kept === undefined ? undefined : [kept.definition.scope, kept.definition.policy, kept.conflicts.length];
};

test('D10 a definition is kept from the first worker on, also where the supervisor comes later, and when the worker goes', async () => {
  const stage = createStage(1);
  const { clock, world } = stage;
  await serve(stage, 'w1', 'job', { scope: 'shared', timeout: 5 });
  await supervise(stage, 's1');
  assert.equal(await brief(stage, 'job'), ['shared', { timeoutMs: 5_000 }, 0]);
  world.node('w1').crash();
  await clock.advance(120_000);
  assert.equal(await brief(stage, 'job'), ['shared', { timeoutMs: 5_000 }, 0]);
});

test('X2, D10 workers that disagree are told of by every supervisor, once; the one that came up last counts', async () => {
  const stage = createStage(2);
  const { clock, world } = stage;
  const watchers = [await supervise(stage, 's1'), await supervise(stage, 's2')];
  await serve(stage, 'w1', 'job', { timeout: 5 });
  await clock.advance(3_000);
  await serve(stage, 'w2', 'job', { timeout: 7, scope: 'shared' });
  await clock.advance(60_000);
  assert.equal(await brief(stage, 'job'), ['shared', { timeoutMs: 7_000 }, 1]);
  assert.equal((await keptOf(stage, 'job'))?.conflicts[0]?.fields, ['scope', 'timeoutMs']);
  for (const { said } of watchers) {
    const warned = said.filter(({ text }) => text.includes('different definitions'));
    assert.is(warned.length, 1);
    assert.match(warned[0]?.text ?? '', /w1-\S+ has another scope, timeoutMs/);
  }
  world.node('w1').crash();
  await clock.advance(30_000);
  assert.equal(await brief(stage, 'job'), ['shared', { timeoutMs: 7_000 }, 0]);
  assert.ok(watchers.every(({ said }) => said.some(({ text }) => text.includes('same definition again'))));
});

test('D10 when only an older version is served it counts again', async () => {
  const stage = createStage(3);
  const { clock, world } = stage;
  await supervise(stage, 's1');
  await serve(stage, 'w1', 'job', { timeout: 5 });
  await clock.advance(1_000);
  await serve(stage, 'w2', 'job', { timeout: 7 });
  await clock.advance(1_000);
  assert.equal(await brief(stage, 'job'), ['private', { timeoutMs: 7_000 }, 1]);
  world.node('w2').crash();
  await clock.advance(60_000);
  assert.equal(await brief(stage, 'job'), ['private', { timeoutMs: 5_000 }, 0]);
});

test('D10 a supervisor that starts in the middle takes nothing back before it has heard all', async () => {
  for (let seed = 10; seed < 20; seed++) {
    const stage = createStage(seed);
    const { clock, world } = stage;
    await supervise(stage, 's1');
    await serve(stage, 'w1', 'job', { timeout: 5 });
    await clock.advance(1_000);
    await serve(stage, 'w2', 'job', { timeout: 7 });
    await clock.advance(10_000);
    const lost = world.inject({ op: 'definition.announce', fault: 'drop', subject: 'w2', probability: 1 });
    const delayed = world.inject({ op: 'definition.announce', fault: 'delay', node: 'w2', delayMs: 9_000 });
    await supervise(stage, 's2');
    for (let i = 0; i < 40; i++) {
      await clock.advance(1_000);
      assert.equal(await brief(stage, 'job'), ['private', { timeoutMs: 7_000 }, 1], `seed ${seed}, ${i} s`);
    }
    lost.remove();
    delayed.remove();
  }
});

test('D10 faults of the bucket and lost announcements only delay it', async () => {
  for (const fault of ['lost-request', 'lost-reply', 'late-apply', 'refused'] as const) {
    const stage = createStage(`faults ${fault}`);
    await supervise(stage, 's1');
    const struck = stage.world.inject({ op: 'definition.write', fault, times: 2 });
    const dropped = stage.world.inject({ op: 'definition.announce', fault: 'drop', times: 1 });
    await serve(stage, 'w1', 'job', { timeout: 5 });
    await stage.clock.advance(120_000);
    assert.equal(await brief(stage, 'job'), ['private', { timeoutMs: 5_000 }, 0], fault);
    assert.ok(struck.hits() > 0 && dropped.hits() === 1, fault);
  }
});

test('D10 a task of a system type that was submitted before anybody knew its type fails at the worker, unrun', async () => {
  const stage = createStage(4);
  const { clock, world } = stage;
  await supervise(stage, 's1');
  const app = createBaton({ ports: world.ports('app'), user: { id: 'mallory' } });
  const handle = await clock.settle(app.schedule('wipe', ['everything']));
  assert.equal([handle.known, handle.scope], [false, 'private']);
  let runs = 0;
  const wipe = task({ name: 'wipe', scope: 'system', retry: { maxAttempts: 5 } }, () => void runs++);
  const worker = createBaton({ ports: world.ports('w1'), user: { id: 'alice' } });
  await clock.settle(worker.startWorker({ tasks: [wipe], handleStrayErrors: false }));
  await until(stage, 60_000, () => stage.record(handle.address).status === 'failure');
  const { error, failures } = stage.record(handle.address);
  assert.equal([runs, error?.type, failures], [0, 'WrongScopeError', 1]);
  const denied = await clock.settle(app.schedule('wipe').catch((fault: unknown) => fault));
  assert.is((denied as { code?: string }).code, 'PERMISSION_DENIED');
  const retried = await clock.settle(app.retry(handle).catch((fault: unknown) => fault));
  assert.is((retried as { code?: string }).code, 'PERMISSION_DENIED');
  const weaker = app.as({ id: 'root', admin: true }).schedule('wipe', [], { scope: 'private' });
  const refused = await clock.settle(weaker.catch((fault: unknown) => fault));
  assert.is((refused as { code?: string }).code, 'PERMISSION_DENIED', 'no admin weakens it either');
  const granted = await clock.settle(app.as({ id: 'root', admin: true }).schedule('wipe'));
  assert.equal([granted.scope, granted.known], ['system', true]);
});

test('D10 a door that cannot know the definition carries nothing out', async () => {
  const stage = createStage(5);
  const { clock, world } = stage;
  await supervise(stage, 's1');
  await serve(stage, 'w1', 'job', { scope: 'shared' });
  await clock.advance(1_000);
  world.inject({ op: 'definition.load', fault: 'refused', node: 'app' });
  world.inject({ op: 'definition.follow', fault: 'refused', node: 'app' });
  const app = createBaton({ ports: world.ports('app'), user: { id: 'bob' } });
  const fault = await clock.settle(app.schedule('job', [], { taskKey: 'k' }).catch((error: unknown) => error));
  assert.is((fault as { code?: string }).code, 'STORE_REFUSED');
  assert.is(world.heads().length, 0);
});

test('D10 a door has a changed definition as soon as it is stored, through a broken connection too', async () => {
  const stage = createStage(6);
  const { clock, world } = stage;
  await supervise(stage, 's1');
  await serve(stage, 'w1', 'job', { timeout: 5 });
  await clock.advance(1_000);
  const app = createBaton({ ports: world.ports('app'), user: { id: 'bob' } });
  const timeout = async () => (await clock.settle(app.schedule('job'))).record.policy.timeoutMs;
  assert.is(await timeout(), 5_000);
  await clock.advance(100);
  assert.is(await timeout(), 5_000);
  world.node('app').disconnect();
  await serve(stage, 'w2', 'job', { timeout: 7 });
  await clock.advance(1_000);
  world.node('app').reconnect();
  assert.is(await timeout(), 7_000, 'nothing of before the break is believed');
  await clock.advance(3_000);
  await serve(stage, 'w3', 'job', { timeout: 9 });
  await clock.advance(100);
  assert.is(await timeout(), 9_000);
});

test.run();
