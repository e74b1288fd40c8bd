// Commands under faults: each is carried out once, and its sender learns what came of it or that it is not known yet.
import { decode, encode, readRecord } from '@baton/protocols';
import { createSupervisor, silentLog, type CommandAnswer } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, type Stage } from './world.ts';

const test = suite('supervisor: commands');

/** Without a key, so that nothing but the command itself can tell a repeat. */
const KEYLESS = { args: [1], user: { id: 'alice' } };
const SUBMIT = { args: [1], task_key: 'k', user: { id: 'alice' } };

const send = (
  stage: Stage,
  verb: 'submit' | 'cancel',
  body: object,
  waitMs = 5_000,
): Promise<CommandAnswer | string> => {
  const { commands } = stage.world.ports('publisher');
  return commands
    .send({ verb, bytes: encode(body), ...(verb === 'submit' ? { type: 'job' } : {}) }, waitMs)
    .then((sent) => (sent.kind === 'answered' ? (decode(sent.bytes, 1e6) as CommandAnswer) : sent.kind));
};

const ask = async (stage: Stage, ...given: [verb: 'submit' | 'cancel', body: object, waitMs?: number]) => {
  const answer = await stage.clock.settle(send(stage, ...given));
  if (typeof answer === 'string') throw new Error(`no answer: ${answer}`);
  return answer;
};

const taskIds = ({ world }: Stage): readonly string[] => {
  const ids = world.history().flatMap(({ bytes }) => {
    const reading = readRecord(bytes);
    return reading.kind === 'record' ? [reading.record.id] : [];
  });
  return [...new Set(ids)];
};

test('D7 a supervisor that dies at any moment of a command leaves one task and one answer', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const stage = createStage(seed);
    const { clock, world, supervise } = stage;
    await supervise('s1');
    await clock.advance(2_000);
    const answered = send(stage, 'submit', KEYLESS, 120_000);
    await clock.advance(seed);
    world.node('s1').crash();
    await supervise('s2');
    const answer = await clock.settle(answered);
    assert.ok(typeof answer !== 'string' && answer.ok, `seed ${seed}: ${JSON.stringify(answer)}`);
    assert.equal(taskIds(stage), [answer.task.id], `seed ${seed}`);
    await clock.advance(60_000);
    assert.is(world.commands().waiting, 0, `seed ${seed}`);
  }
});

test('a store that does not answer holds a command up and does not fail it', async () => {
  const stage = createStage(1);
  const { clock, world, supervise } = stage;
  const supervisor = await supervise('s1');
  await clock.advance(2_000);
  for (const fault of ['lost-request', 'lost-reply', 'late-apply'] as const) {
    for (const op of ['store.write', 'operation.write'] as const) {
      const struck = world.inject({ op, fault, node: 's1', times: 1 });
      const before = taskIds(stage).length;
      const answer = await ask(stage, 'submit', KEYLESS, 60_000);
      assert.ok(answer.ok, `${op} ${fault}`);
      assert.is(struck.hits(), 1);
      assert.is(taskIds(stage).length, before + 1, `${op} ${fault}`);
    }
  }
  assert.is(supervisor.stats().commands.carriedOut, 6);
});

test('a full store: a submit is refused at once, a cancel is carried out when there is room', async () => {
  const stage = createStage(3);
  const { clock, world, supervise } = stage;
  await supervise('s1');
  await clock.advance(2_000);
  const made = await ask(stage, 'submit', SUBMIT);
  assert.ok(made.ok);
  const full = { op: 'store.write', fault: 'refused', code: 'STORE_FULL', node: 's1' } as const;
  world.inject({ ...full, times: 1 });
  const refused = await ask(stage, 'submit', { ...SUBMIT, task_key: 'other' });
  assert.is(refused.ok ? '' : refused.code, 'STORE_FULL');
  const struck = world.inject({ ...full, times: 2 });
  const done = await ask(stage, 'cancel', { id: made.ok ? made.task.id : '', user: { id: 'alice' } }, 30_000);
  assert.ok(done.ok && done.outcome === 'aborted', JSON.stringify(done));
  assert.is(struck.hits(), 2);
});

test('a task is cancelled by its id, whichever supervisor watches it and whichever is told', async () => {
  const stage = createStage(2);
  const { clock, supervise } = stage;
  const supervisors = [await supervise('s1'), await supervise('s2'), await supervise('s3')];
  await clock.advance(3_000);
  for (let i = 0; i < 20; i++) {
    const made = await ask(stage, 'submit', { ...SUBMIT, task_key: `k${i}` });
    assert.ok(made.ok);
    const done = await ask(stage, 'cancel', { id: made.ok ? made.task.id : '', user: { id: 'alice' } }, 10_000);
    assert.ok(done.ok && done.outcome === 'aborted', JSON.stringify(done));
  }
  assert.ok(supervisors.every((supervisor) => supervisor.stats().commands.carriedOut > 0));
  const unknown = await ask(stage, 'cancel', { id: 'nobody', user: { id: 'alice' } }, 10_000);
  assert.equal(unknown.ok ? '' : unknown.code, 'TASK_NOT_FOUND');
});

test('a task is not said to be unknown while whoever watches it stands still', async () => {
  const stage = createStage(4);
  const { clock, supervise, world } = stage;
  for (const name of ['s1', 's2', 's3']) await supervise(name);
  await clock.advance(3_000);
  const ids: string[] = [];
  for (let i = 0; i < 60; i++) {
    const made = await ask(stage, 'submit', { ...SUBMIT, task_key: `k${i}` });
    ids.push(made.ok ? made.task.id : '');
  }
  world.node('s2').freeze();
  const answers = await clock.settle(
    Promise.all(ids.map((id) => send(stage, 'cancel', { id, user: { id: 'alice' } }, 300_000))),
  );
  const outcomes = answers.map((answer) =>
    typeof answer === 'string' ? answer : answer.ok ? answer.outcome : answer.code,
  );
  assert.equal([...new Set(outcomes)], ['aborted']);
  world.node('s2').resume();
  await clock.advance(5_000);
  const nobodys = '01890000-0000-7000-8000-00000000000a';
  const unknown = await ask(stage, 'cancel', { id: nobodys, user: { id: 'alice' } }, 10_000);
  assert.equal(unknown.ok ? '' : unknown.code, 'TASK_NOT_FOUND', 'where all have answered it is known');
});

test('a cancel that is delivered again after it was carried out is not too late for itself', async () => {
  const stage = createStage(3);
  const { clock, world, supervise } = stage;
  await supervise('s1');
  await clock.advance(2_000);
  const made = await ask(stage, 'submit', SUBMIT);
  const { id, address } = made.ok ? made.task : { id: '', address: '' };
  // Carried out, and neither the answer nor the acknowledgement arrives.
  world.inject({ op: 'command.reply', fault: 'drop', node: 's1', times: 1 });
  world.inject({ op: 'command.answer', fault: 'drop', node: 's1', times: 1 });
  const answer = await ask(stage, 'cancel', { id, address, user: { id: 'alice' } }, 120_000);
  assert.ok(answer.ok && answer.outcome === 'aborted', JSON.stringify(answer));
  const late = await ask(stage, 'cancel', { id, address, user: { id: 'alice' } });
  assert.is(late.ok ? '' : late.code, 'TASK_ABORT_FAILED');
});

test('X10 a command of a newer version is left alone, counted, and hinders nothing', async () => {
  const stage = createStage(4);
  const { clock, world, supervise } = stage;
  const supervisor = await supervise('s1');
  await clock.advance(2_000);
  assert.is(await clock.settle(send(stage, 'submit', { v: 2, shape: 'of the future' }, 1_000)), 'silent');
  assert.ok((await ask(stage, 'submit', SUBMIT)).ok);
  await clock.advance(100_000);
  assert.ok(supervisor.stats().commands.newer >= 3);
  assert.equal([world.commands().waiting, world.commands().dead.length], [1, 0]);
});

test('X6 commands may be switched off, or kept from speaking for admins: put aside, and said', async () => {
  const stage = createStage(5);
  const { clock, world } = stage;
  const commands = { enabled: true, admins: false };
  const supervisor = createSupervisor(world.ports('s1'), { id: 's1', log: silentLog, commands });
  await clock.settle(supervisor.start());
  await clock.advance(2_000);
  const denied = await ask(stage, 'submit', { ...SUBMIT, user: { id: 'root', admin: true } });
  assert.is(denied.ok ? '' : denied.code, 'PERMISSION_DENIED');
  assert.ok((await ask(stage, 'submit', SUBMIT)).ok);
  await clock.settle(supervisor.stop());
  const off = createSupervisor(world.ports('s2'), { id: 's2', log: silentLog, commands: { enabled: false } });
  await clock.settle(off.start());
  await clock.advance(2_000);
  const disabled = await ask(stage, 'submit', { ...SUBMIT, task_key: 'other' });
  assert.is(disabled.ok ? '' : disabled.code, 'DISABLED');
  assert.equal(
    world.commands().dead.map(({ code }) => code),
    ['PERMISSION_DENIED', 'DISABLED'],
  );
  assert.is(taskIds(stage).length, 1);
});

test.run();
