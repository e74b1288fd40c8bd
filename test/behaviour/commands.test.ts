// limit: 240s
// Commands over NATS, as a program in any language sends them, and the SDK as a publisher.
import { encode } from '@baton/protocols';
import { connect, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ALICE, ask, deadLetters, namesFor } from '../support/command-client.ts';
import { startsIn } from '../support/effect-starts.ts';
import { double, hangs, joined } from '../support/fixture-tasks.ts';
import { stagedSuite, thrownBy, until } from '../support/stage.ts';
import type { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('behaviour: commands');

for (const format of ['json', 'msgpack'] as const) {
  test(`a command in ${format} submits, is answered, and its task runs`, async (stage) => {
    const names = namesFor(stage);
    const body = { type: 'fx.double', args: [21], task_key: `cmd.${format}`, task_name: 'Twice', user: ALICE };
    const answer = await ask(stage, names.submitSubject('fx.double'), body, { format });
    assert.equal([answer.ok, answer.outcome, answer.differs], [true, 'created', false]);
    const { id = '', address = '' } = answer.task ?? {};
    assert.equal([answer.task?.['task_name'], answer.task?.['created_by']], ['Twice', 'alice']);
    const handle = await stage.as('alice').open({ uuid: id, address });
    await handle.wait({ timeout: '30s' });
    assert.equal(handle.result, { doubled: 42 });
  });
}

test('without Baton-Reply it is carried out all the same', async (stage) => {
  const names = namesFor(stage);
  const body = encode({ args: [1], operation_id: 'cmd.silent', user: ALICE });
  assert.is((await stage.ports.wire.publisher.publish(names.submitSubject('fx.double'), body)).kind, 'written');
  const again = await ask(stage, names.submitSubject('fx.double'), {
    args: [1],
    operation_id: 'cmd.silent',
    user: ALICE,
  });
  await eventually(() => assert.ok(startsIn(stage.effectsPath).has(again.task?.id ?? '')));
});

test('a bad command is answered with a code, and lies in the dead letters with the reason', async (stage) => {
  const names = namesFor(stage);
  const subject = names.submitSubject('fx.double');
  const bad: readonly (readonly [string, unknown, string])[] = [
    [subject, { args: [1], user: ALICE, colour: 'red' }, 'colour'],
    [subject, { args: 'no list', user: ALICE }, 'args'],
    [subject, { type: 'other', user: ALICE }, "the subject of type 'fx.double'"],
    [subject, { timeout: 'soon', user: ALICE }, 'timeout'],
    [subject, { run_at: '2030-01-01T00:00:00Z', delay: 1, user: ALICE }, 'both'],
    [subject, { args: [1] }, 'a private task needs a user'],
    [names.submitSubject('fx.joined'), { scope: 'shared', user: ALICE }, 'task_key'],
    [subject, [1, 2], 'no map'],
    [subject, new TextEncoder().encode('{"args":'), 'JSON'],
    [`${names.commandPrefix}explode.now`, { user: ALICE }, 'explode'],
    [names.cancelSubject, { user: ALICE }, 'id'],
  ];
  const before = (await deadLetters(stage)).length;
  for (const [to, body, reason] of bad) {
    const answer = await ask(stage, to, body);
    assert.equal([answer.ok, answer.code], [false, 'INVALID_ARGUMENT'], JSON.stringify(body));
    assert.match(answer.message ?? '', reason);
  }
  const letters = (await deadLetters(stage)).slice(before);
  assert.is(letters.length, bad.length);
  assert.match(letters[0]?.headers ?? '', 'Baton-Reason: INVALID_ARGUMENT');
  assert.match(letters[0]?.headers ?? '', `Baton-Subject: ${subject}`);
  assert.equal(JSON.parse(letters[0]?.body ?? ''), { args: [1], user: ALICE, colour: 'red' });
});

test('an answer goes to an inbox and nowhere else', async (stage) => {
  const names = namesFor(stage);
  const { nc, publisher } = stage.ports.wire;
  const places = [names.recordSubject('00.x.y'), '$JS.API.STREAM.PURGE.X', names.cancelSubject, '_INBOX.*', '>'];
  const heard: string[] = [];
  const subscription = nc.subscribe('$JS.API.STREAM.PURGE.X', {
    callback: (_error, { subject }) => void heard.push(subject),
  });
  const before = (await deadLetters(stage)).length;
  for (const place of places) {
    const body = encode({ args: [1], user: ALICE });
    await publisher.publish(names.submitSubject('fx.double'), body, { headers: { 'Baton-Reply': place } });
  }
  await eventually(async () => assert.is((await deadLetters(stage)).length, before + places.length));
  subscription.unsubscribe();
  assert.equal(heard, []);
});

test('D7 a command that comes twice makes one task; users do not meet by their operation ids', async (stage) => {
  const subject = namesFor(stage).submitSubject('fx.double');
  const body = { args: [4], operation_id: 'cmd.once', user: ALICE };
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => ask(stage, subject, body)));
  assert.equal([second?.task?.id, third?.task?.id], [first?.task?.id, first?.task?.id]);
  const { id = '', address = '' } = first?.task ?? {};
  const handle = await stage.as('alice').open({ uuid: id, address });
  await handle.wait({ timeout: '30s' });
  const ended = await ask(stage, subject, body);
  assert.equal([ended.task?.id, ended.outcome, ended.task?.['status']], [id, 'created', 'success']);
  const other = await ask(stage, subject, { ...body, user: { id: 'bob' } });
  assert.is.not(other.task?.id, id);
  const misused = await ask(stage, subject, { ...body, task_key: 'another' });
  assert.is(misused.task?.id, id, 'the first call stands, whatever the second one says');
});

test('D7 an operation id holds for an SDK call, inline or scheduled, after the end too', async (stage) => {
  await stage.as('alice').within(async () => {
    const once = double.with({ operationId: 'sdk.once' });
    const first = await once.schedule(1);
    const second = await once.schedule(1);
    assert.equal([second.uuid, second.outcome], [first.uuid, first.outcome]);
    await first.wait({ timeout: '30s' });
    // The record is archived and forgotten; the operation is not.
    await stage.document(first.uuid, ({ terminal }) => terminal);
    const third = await once.schedule(1);
    assert.equal([third.uuid, third.status], [first.uuid, 'success']);
    let runs = 0;
    const counted = task({ name: 'd7.inline' }, () => ++runs);
    const inline = counted.with({ operationId: 'sdk.inline' });
    const results = await Promise.all([inline(), inline(), inline()]);
    assert.is(new Set(results.map(({ uuid }) => uuid)).size, 1);
    await inline();
    assert.is(runs, 1);
  });
  const bobs = await stage.as('bob').within(() => double.with({ operationId: 'sdk.once' }).schedule(1));
  assert.is(bobs.outcome, 'created');
});

test('S scopes hold for commands; admins are who says so', async (stage) => {
  const names = namesFor(stage);
  const system = { scope: 'system', args: [1] };
  const denied = await ask(stage, names.submitSubject('fx.double'), { ...system, user: ALICE });
  assert.is(denied.code, 'PERMISSION_DENIED');
  const granted = await ask(stage, names.submitSubject('fx.double'), { ...system, user: { id: 'root', admin: true } });
  assert.is(granted.outcome, 'created');
  const mine = await ask(stage, names.submitSubject('fx.hangs'), { user: ALICE });
  const { id = '', address } = mine.task ?? {};
  const cancel = (body: object) => ask(stage, names.cancelSubject, body);
  assert.is((await cancel({ id, address, user: { id: 'bob' } })).code, 'TASK_NOT_FOUND');
  assert.is((await cancel({ id, address, force: true, user: ALICE })).code, 'PERMISSION_DENIED');
  assert.is((await cancel({ id: 'not even an id', user: ALICE })).code, 'TASK_NOT_FOUND');
  const open = await stage.as('alice').open({ uuid: id, address: address ?? '' });
  await until(open, ({ record }) => record.abortable === true);
  const done = await cancel({ id, user: ALICE });
  assert.equal([done.ok, done.outcome], [true, 'aborted'], JSON.stringify(done));
  await open.wait({ timeout: '30s' });
  assert.is((await cancel({ id, address, user: ALICE })).code, 'TASK_ABORT_FAILED');
});

test('a shared task is joined, and left, by commands', async (stage) => {
  const names = namesFor(stage);
  const body = { scope: 'shared', task_key: 'cmd.shared', args: [3_000] };
  const first = await ask(stage, names.submitSubject('fx.joined'), { ...body, user: ALICE });
  const second = await ask(stage, names.submitSubject('fx.joined'), { ...body, args: [1], user: { id: 'bob' } });
  assert.equal([second.outcome, second.differs, second.task?.id], ['joined', true, first.task?.id]);
  const left = await ask(stage, names.cancelSubject, { id: first.task?.id, user: { id: 'bob' } });
  assert.is(left.outcome, 'unsubscribed');
});

test('a command waits while no supervisor runs, and a delay counts from when it was sent', async (stage) => {
  const [supervisor] = stage.supervisors as [SystemProcess];
  await supervisor.kill();
  const sentAt = Date.now();
  const subject = namesFor(stage).submitSubject('fx.double');
  const answering = ask(stage, subject, { args: [1], delay: 60, user: ALICE }, { limitMs: 20_000 });
  await eventually(() => Date.now() - sentAt > 1_000, { limitMs: 5_000 });
  await supervisor.start();
  const answer = await answering;
  const runAt = Date.parse(String(answer.task?.['run_at']));
  // It was carried out a second later at the earliest.
  assert.ok(Math.abs(runAt - sentAt - 60_000) < 900, `${runAt - sentAt} ms`);
});

test('the SDK as a publisher: schedule, follow, wait, cancel, all by commands', async (stage, context) => {
  const publisher = await connect({
    servers: stage.natsUrl,
    namespace: stage.namespace,
    role: 'publisher',
    user: { id: 'alice' },
  });
  context.defer(() => publisher.close());
  await publisher.within(async () => {
    const handle = await double.with({ taskName: 'by command', timeout: '1m' }).schedule(8);
    assert.equal([handle.outcome, handle.name, handle.record.policy.timeoutMs], ['created', 'by command', 60_000]);
    await handle.wait({ timeout: '30s' });
    assert.equal(handle.result, { doubled: 16 });
    const once = double.with({ operationId: 'publisher.once' });
    assert.is((await once.schedule(1)).uuid, (await once.schedule(1)).uuid);
    const running = await hangs.schedule();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { status } of running.events()) seen.push(status);
    })();
    await until(running, ({ record }) => record.abortable === true);
    assert.is((await running.cancel()).action, 'aborted');
    await following;
    assert.is(seen.at(-1), 'aborted');
    const late = await thrownBy(() => running.cancel());
    assert.equal([late.name, late.code], ['TaskAbortFailedError', 'TASK_ABORT_FAILED']);
    const soon = await joined.with({ taskKey: 'publisher.later', delay: 1 }).schedule(0);
    assert.is(soon.status, 'pending');
    await soon.wait({ timeout: '30s' });
    for (const wrong of [() => double(1), () => publisher.startWorker({ tasks: [double] })]) {
      const error = await thrownBy(wrong);
      assert.equal([error.name, error.code], ['WrongRoleError', 'WRONG_ROLE']);
    }
    assert.is((await thrownBy(() => double.with({ delay: '400d' }).schedule(1))).code, 'INVALID_ARGUMENT');
  });
});

test('X6 switched off, commands are answered so, what runs is cancelled, and ends are told', async (stage, context) => {
  const running = await stage.as('alice').within(() => hangs.schedule());
  await until(running, ({ record }) => record.abortable === true);
  const [supervisor] = stage.supervisors as [SystemProcess];
  await supervisor.stop();
  const off = stage.service('supervisor', 'supervisor off', { BATON_ENABLED: 'false' });
  await off.start();
  context.defer(async () => {
    await off.stop();
    await supervisor.start();
  });
  const names = namesFor(stage);
  const answer = await ask(stage, names.submitSubject('fx.double'), { args: [1], user: ALICE });
  assert.is(answer.code, 'DISABLED');
  const publisher = await stage.client(context, { servers: stage.natsUrl, role: 'publisher', user: ALICE });
  const error = await thrownBy(() => publisher.schedule(double.definition, [1]));
  assert.is(error.name, 'GlobalTaskFrameworkDisabledError');
  const { uuid: id, address } = running;
  assert.is((await ask(stage, names.cancelSubject, { id, address, user: ALICE })).outcome, 'aborted');
  await running.wait({ timeout: '30s' });
  assert.is(running.status, 'aborted');
});

test.run();
