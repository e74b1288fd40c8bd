// limit: 300s
// D3: many callers of one key, from several processes at once.
import { addressOf } from '@baton/protocols';
import { createRandom } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { startCallers, type Caller } from '../support/callers.ts';
import type { CallerAnswer } from '../support/fixture-caller.ts';
import { suite } from '../support/suite.ts';
import { startSystem, type System } from '../support/system-fixture.ts';
import { converged } from '../support/system-state.ts';

const test = suite('one key, many callers');

const PROCESSES = 4;
const CALLERS = 100;
const ROUNDS = 20;

const users = Array.from({ length: CALLERS }, (_, i) => `user-${i}`);

/** Everybody calls once, spread over the processes. */
const callAll = async (callers: readonly Caller[], key: string, bodyMs: number, delayOf: (i: number) => number) => {
  const answers = await Promise.all(
    callers.map(async (caller, p) => {
      const mine = users.filter((_, i) => i % callers.length === p);
      return caller.ask({ key, users: mine, delaysMs: mine.map((user) => delayOf(users.indexOf(user))), bodyMs });
    }),
  );
  return answers.flat();
};

/** Each task of the answers: one made it, the others joined it, all of them are in its document. */
const checkTasks = async ({ mongo }: System, answers: readonly CallerAnswer[]): Promise<number> => {
  const failed = answers.filter(({ outcome }) => outcome !== 'created' && outcome !== 'joined');
  assert.equal(failed, [], 'every call is answered');
  assert.is(answers.length, CALLERS);
  const ids = [...new Set(answers.map(({ id }) => id))];
  for (const id of ids) {
    const told = answers.filter((answer) => answer.id === id);
    const made = told.filter(({ outcome }) => outcome === 'created');
    assert.is(made.length, 1, `${id} was made by ${made.map(({ user }) => user).join(' and ')}`);
    const document = await eventually(
      async () => {
        const found = await mongo.db
          .collection<{
            _id: string;
            terminal: boolean;
            status: string;
            created_by: string;
            dedupe_count: number;
            subscriber_ids: string[];
          }>('tasks')
          .findOne({ _id: id });
        assert.ok(found?.terminal, `${id} has not ended in MongoDB`);
        return found;
      },
      { limitMs: 15_000 },
    );
    assert.is(document?.status, 'success');
    assert.is(document?.created_by, made[0]?.user);
    assert.is(document?.dedupe_count, told.length - 1);
    assert.equal(document?.subscriber_ids.toSorted(), told.map(({ user }) => user).toSorted());
  }
  return ids.length;
};

test(
  `D3: ${CALLERS} callers in ${PROCESSES} processes at once: one created, all the others joined`,
  async (context) => {
    const system = await startSystem(context);
    const callers = await startCallers(context, system, PROCESSES);
    const began = performance.now();
    const answers = await callAll(callers, 'one', 3_000, () => 0);
    const tookMs = performance.now() - began;
    const outcomes = (wanted: string): number => answers.filter(({ outcome }) => outcome === wanted).length;
    assert.equal(answers.filter(({ outcome }) => outcome === 'failed').slice(0, 3), []);
    assert.is(outcomes('created'), 1);
    assert.is(outcomes('joined'), CALLERS - 1);
    assert.is(new Set(answers.map(({ id }) => id)).size, 1);

    const entry = await system.ports.store.load(addressOf({ scope: 'shared', type: 'fx.joined', key: 'one' }));
    assert.ok(entry !== undefined);
    assert.is(await checkTasks(system, answers), 1);
    await converged(system);
    console.log(`${CALLERS} callers of one key in ${PROCESSES} processes: all answered after ${Math.round(tookMs)} ms`);
  },
  { limitMs: 60_000 },
);

test(
  `D3, D4: ${ROUNDS} rounds against the end of the task: every task made is whole`,
  async (context) => {
    const system = await startSystem(context);
    const callers = await startCallers(context, system, PROCESSES);
    const seed = Number(process.env['BATON_TEST_SEED'] ?? Date.now() % 1_000_000);
    const random = createRandom(seed);
    console.log(`seed ${seed} (set BATON_TEST_SEED to repeat it)`);
    const made: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const spreadMs = 20 + random.int(380);
      const answers = await callAll(callers, `round-${round}`, random.int(120), () => random.int(spreadMs));
      made.push(await checkTasks(system, answers));
    }
    await converged(system);
    console.log(`${ROUNDS} rounds of ${CALLERS} callers: ${made.join(' ')} tasks each`);
    assert.ok(Math.max(...made) > 1, 'no round met the end of a task: the test shows nothing');
  },
  { limitMs: 200_000 },
);

test.run();
