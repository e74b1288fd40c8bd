import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { canForce, canOpen, canSee, canSubmit, isSubscriber, meaningOfCancel, type Owned } from './access.ts';
import { ALICE, BOB, CAROL, ROOT, SERVICE } from './testing/make.ts';

const test = suite('access');

const owned = (scope: Owned['scope'], ...subscribers: readonly string[]): Owned => ({
  scope,
  creator: 'alice',
  subscribers: subscribers.map((user) => ({ user, at: 1 })),
});

const EVERYBODY = { ALICE, BOB, CAROL, ROOT, SERVICE };
const whoMay = (rule: (actor: (typeof EVERYBODY)[keyof typeof EVERYBODY]) => boolean): string =>
  Object.entries(EVERYBODY)
    .filter(([, actor]) => rule(actor))
    .map(([name]) => name)
    .join(' ');

test('S1 a private task is there for its creator and for admins, whoever else stands in it', () => {
  assert.is(
    whoMay((actor) => canSee(owned('private', 'alice', 'bob'), actor)),
    'ALICE ROOT',
  );
});

test('S1 a private task without a creator has no owner, and a service without a user is none', () => {
  assert.is(
    whoMay((actor) => canSee({ scope: 'private', subscribers: [] }, actor)),
    'ROOT',
  );
});

test('S2 a shared task is there for its subscribers and for admins; who has left sees it no more', () => {
  assert.is(
    whoMay((actor) => canSee(owned('shared', 'alice', 'bob'), actor)),
    'ALICE BOB ROOT',
  );
  assert.is(
    whoMay((actor) => canSee(owned('shared', 'bob'), actor)),
    'BOB ROOT',
  );
});

test('S3 a system task is there for admins, also where others stand in it; only they submit one', () => {
  assert.is(
    whoMay((actor) => canSee(owned('system', 'alice', 'root'), actor)),
    'ROOT',
  );
  assert.is(
    whoMay((actor) => canSubmit('system', actor)),
    'ROOT',
  );
  for (const scope of ['private', 'shared'] as const) assert.ok(canSubmit(scope, ALICE));
});

test('S4 a client without a user opens what it has the id of; one with a user what he can see', () => {
  assert.is(
    whoMay((actor) => canOpen(owned('private', 'alice'), actor)),
    'ALICE ROOT SERVICE',
  );
  assert.is(
    whoMay((actor) => canOpen(owned('system'), actor)),
    'ROOT SERVICE',
  );
});

test('A8 force is for admins', () => {
  assert.is(whoMay(canForce), 'ROOT');
});

test('A6 A8 what a cancel means: end it, leave it, or not without force', () => {
  const meaning = (task: Owned, actor = ALICE, force = false) => meaningOfCancel(task, actor, force);
  assert.is(meaning(owned('private', 'alice')), 'abort');
  assert.is(meaning(owned('shared', 'alice')), 'abort');
  assert.is(meaning(owned('shared', 'alice', 'bob')), 'unsubscribe');
  assert.is(meaning(owned('shared', 'alice', 'bob'), ROOT), 'force_required');
  assert.is(meaning(owned('shared', 'alice', 'bob'), ROOT, true), 'abort');
  assert.is(meaning(owned('shared', 'alice'), ROOT), 'abort');
  assert.is(meaning(owned('shared', 'alice', 'root'), ROOT), 'unsubscribe');
  assert.is(meaning(owned('shared'), ROOT), 'abort');
  assert.is(meaning(owned('system', 'alice', 'root'), ROOT), 'abort');
});

test('names are taken byte for byte', () => {
  assert.not(isSubscriber(owned('shared', 'alice'), { user: 'Alice', admin: false }));
  assert.not(isSubscriber(owned('shared', ''), SERVICE));
});

test.run();
