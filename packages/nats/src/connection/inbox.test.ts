import { errors, type NatsConnection } from '@nats-io/nats-core';
import * as assert from 'uvu/assert';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite } from '../../../../test/support/suite.ts';
import { hearRefusals, Inbox, type Waiter } from './inbox.ts';

const test = suite('nats: inbox');

type Told = { readonly type: string; readonly error?: Error };

/** A connection that says what it is told to say. */
const connection = () => {
  const news: Told[] = [];
  let more = (): void => {};
  const status = async function* (): AsyncGenerator<Told> {
    for (;;) {
      for (let next = news.shift(); next !== undefined; next = news.shift()) yield next;
      await new Promise<void>((resolve) => (more = resolve));
    }
  };
  const nc = { subscribe: () => undefined, status } as unknown as NatsConnection;
  const tell = (told: Told): void => {
    news.push(told);
    more();
  };
  return { nc, tell };
};

const violation = (operation: 'publish' | 'subscription', subject: string): Error =>
  new errors.PermissionViolationError(`Permissions Violation for ${operation} to "${subject}"`, operation, subject);

const waiterOf = (subject: string, seen: string[]): Waiter => ({
  deadline: performance.now() + 60_000,
  subject,
  answer: () => void seen.push('answer'),
  expire: () => seen.push('expire'),
  cut: () => seen.push('cut'),
  refuse: ({ code }) => seen.push(code),
});

test('where nobody may listen nobody knows what became of what was published, and why is said', async ({ defer }) => {
  const { nc, tell } = connection();
  const inbox = new Inbox(nc, '_INBOX.one', () => {});
  defer(() => inbox.close());
  void hearRefusals(nc, inbox);
  const seen: string[] = [];
  inbox.expect(waiterOf('a', seen));
  tell({ type: 'error', error: violation('subscription', 'baton.live.>') });
  tell({ type: 'error', error: violation('publish', 'b') });
  tell({ type: 'error', error: violation('subscription', '_INBOX.one.*') });
  await eventually(() => assert.equal(seen, ['cut']));
  assert.match(inbox.deafness?.message ?? '', /under _INBOX: set NATS_INBOX_PREFIX/);
  inbox.expect(waiterOf('a', seen));
  assert.equal(seen, ['cut'], 'not while it is still asked');
  await eventually(() => assert.equal(seen, ['cut', 'cut']));

  tell({ type: 'reconnect' });
  await eventually(() => assert.is(inbox.deafness, undefined));
  inbox.expect(waiterOf('a', seen));
  tell({ type: 'error', error: violation('publish', 'a') });
  await eventually(() => assert.equal(seen, ['cut', 'cut', 'PERMISSION_DENIED']));
});

test.run();
