import { namesOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite, type TestContext } from '../../../../test/support/suite.ts';
import { fillOfAccount, shortageOf, StoreRoom, type Filling } from './store-room.ts';

const test = suite('nats: room for new tasks');

const filling = (tasks: Filling['tasks'], account: Filling['account'] = { used: 0 }): Filling => ({ tasks, account });

test('below four fifths there is room, from there on there is not; without a limit there always is', () => {
  const at = (used: number, limit?: number, more = 0) =>
    shortageOf(filling(limit === undefined ? { used } : { used, limit }), more);
  assert.is(at(799, 1_000), undefined);
  assert.match(at(800, 1_000) ?? '', /the records of the tasks take 800 of 1000 bytes/);
  assert.match(at(1_000, 1_000) ?? '', /1000 of 1000/);
  assert.is(at(1_000_000), undefined);
  assert.match(at(700, 1_000, 100) ?? '', /800 of 1000/, 'what has come since counts');
});

test('the account counts as well: whichever is short', () => {
  const now = filling({ used: 1, limit: 1_000 }, { used: 90, limit: 100 });
  assert.match(shortageOf(now, 0) ?? '', /the streams of this account take 90 of 100 bytes/);
});

test('an account may have one limit, one for each number of copies, or none', () => {
  assert.equal(fillOfAccount({ storage: 5, limits: { max_storage: 10 } }, 1), { used: 5, limit: 10 });
  assert.equal(fillOfAccount({ storage: 5, limits: { max_storage: -1 } }, 1), { used: 5 });
  const tiers = { R1: { storage: 3, limits: { max_storage: 7 } }, R3: { storage: 4, limits: { max_storage: 9 } } };
  assert.equal(fillOfAccount({ storage: 0, limits: { max_storage: 0 }, tiers }, 3), { used: 4, limit: 9 });
  assert.equal(fillOfAccount({ storage: 0, limits: { max_storage: 0 }, tiers }, 5), { used: 0 });
  assert.equal(fillOfAccount({}, 1), { used: 0 });
});

/** A server that says what the test wants, and counts how often it was asked. */
const watched = async (context: TestContext, limit?: number) => {
  const server = { used: 0, asked: 0, away: false };
  const probe = async <T>(subject: string): Promise<T> => {
    if (server.away) throw new Error('no answer');
    if (subject === 'INFO') return {} as T;
    server.asked++;
    const config = limit === undefined ? {} : { max_bytes: limit };
    return { state: { bytes: server.used }, config } as T;
  };
  const room = new StoreRoom({ probe }, namesOf(), 1);
  context.defer(() => room.close());
  await room.watch();
  return { server, room };
};

test('what this process writes is counted while it is under way, and until the server has been asked again', async (context) => {
  const { server, room } = await watched(context, 1_000);
  assert.is(room.shortage, undefined);
  room.begin(700);
  room.begin(200);
  assert.match(room.shortage ?? '', /900 of 1000/);
  room.done(700);
  room.done(200);
  assert.match(room.shortage ?? '', /900 of 1000/);
  // They were refused, say: at the next look nothing is left of them.
  await eventually(() => assert.is(room.shortage, undefined), { limitMs: 500 });
  assert.is(server.asked, 2);
});

test('who writes much asks soon, who writes little once a second', async (context) => {
  const { server, room } = await watched(context, 1_000_000);
  room.begin(10_000);
  room.done(10_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.is(server.asked, 1);
  server.used = 790_000;
  room.begin(60_000);
  await eventually(() => assert.is(server.asked, 2), { limitMs: 500 });
  assert.match(room.shortage ?? '', /850000 of 1000000/, 'what others have written is known now');
});

test('without a limit nothing is counted; where the server does not answer, what was known stays known', async (context) => {
  const free = await watched(context);
  assert.not(free.room.isLimited);
  const { server, room } = await watched(context, 1_000);
  assert.ok(room.isLimited);
  server.away = true;
  room.begin(900);
  room.done(900);
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.match(room.shortage ?? '', /900 of 1000/);
});

test.run();
