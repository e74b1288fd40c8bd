import { encode } from '@baton/protocols';
import { createMemoryWorld } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Catalogue } from '../definitions/catalogue.ts';
import { createKernel } from '../kernel.ts';
import { silentLog } from '../log.ts';
import type { CommandMessage, Commands } from '../ports/commands.ts';
import { CommandHandler } from './command-handler.ts';

const test = suite('commands: handler');

type Buried = { readonly code: string; readonly reason: string };

const TASK = '01890000-0000-7000-8000-00000000000a';

/** A handler whose search for a task fails as told, and what it does with one message. */
const stage = (find: () => Promise<never>, defer: (undo: () => unknown) => void) => {
  const world = createMemoryWorld();
  defer(() => world.close());
  const ports = world.ports('supervisor');
  const buried: Buried[] = [];
  const told: string[] = [];
  const commands: Commands = {
    ...ports.commands,
    reply: (to) => void told.push(`answer ${to}`),
    bury: async (_message, code, reason) => {
      buried.push({ code, reason });
      return { kind: 'written', revision: 1 };
    },
  };
  const handler = new CommandHandler({
    ports,
    kernel: createKernel(ports),
    catalogue: new Catalogue({ definitions: ports.definitions, clock: ports.clock, log: silentLog }),
    unknownTypes: 'accept',
    log: silentLog,
    once: { say: (_key, say) => say() },
    commands,
    rules: { enabled: true, admins: true },
    find,
  });
  const take = (message: Partial<CommandMessage>) =>
    handler.take({
      ...{ subject: 'baton.cmd.cancel', verb: 'cancel', headers: {}, sequence: 1, storedAt: 1, deliveries: 1 },
      ...{ bytes: encode({ id: TASK, user: { id: 'a' } }), replyTo: '_INBOX.a' },
      ack: () => void told.push('ack'),
      again: () => void told.push('again'),
      ...message,
    });
  return { take, buried, told, counts: () => handler.counts };
};

test('X10 one of a newer version that no newer supervisor has come for is answered and put aside in the end', async ({
  defer,
}) => {
  const { take, buried, told } = stage(() => Promise.reject(new Error('not asked')), defer);
  const bytes = encode({ v: 7, shape: 'of the future' });
  for (const deliveries of [1, 100, 101]) await take({ bytes, deliveries });
  assert.equal(told, ['again', 'again', 'answer _INBOX.a', 'ack']);
  assert.equal(
    buried.map(({ code }) => code),
    ['UNDELIVERABLE'],
  );
  assert.match(buried[0]?.reason ?? '', /^its version 7 is newer than every supervisor here/);
});

test('a command with a header that is none is answered and put aside, whatever else it says', async ({ defer }) => {
  const { take, buried, told, counts } = stage(() => Promise.reject(new Error('not asked')), defer);
  await take({ badHeaders: true });
  assert.equal(told, ['answer _INBOX.a', 'ack']);
  assert.equal(
    buried.map(({ code }) => code),
    ['INVALID_ARGUMENT'],
  );
  assert.is(counts().buried.answered, 1);
});

test('what fails in a way nobody thought of is tried again, then answered and put aside once', async ({ defer }) => {
  const fault = async (): Promise<never> => {
    throw new TypeError('a bug');
  };
  const { take, buried, told } = stage(fault, defer);
  for (const deliveries of [1, 2, 3]) await take({ deliveries });
  assert.equal(told, ['again', 'again', 'answer _INBOX.a', 'ack']);
  assert.equal(
    buried.map(({ code }) => code),
    ['INTERNAL'],
  );
});

test('what can be the id of no task is answered at once, and looked for nowhere', async ({ defer }) => {
  const { take, buried, told } = stage(() => Promise.reject(new Error('asked')), defer);
  for (const verb of ['cancel', 'why']) await take({ verb, bytes: encode({ id: 'nope', user: { id: 'a' } }) });
  assert.equal([told, buried], [['answer _INBOX.a', 'ack', 'answer _INBOX.a', 'ack'], []]);
});

test('a malformed command is answered and put aside at its first delivery', async ({ defer }) => {
  const { take, buried, told, counts } = stage(async () => Promise.reject(new Error('nothing is looked for')), defer);
  for (const message of [
    { verb: 'submit', type: 'he~bad' },
    { verb: 'submit', type: 'é' },
    { verb: 'submit', type: 'x', bytes: encode({ timeout: 1e300 }) },
    { verb: 'submit', type: 'x', bytes: encode({ args: [Number.NaN], user: { id: 'a' } }) },
    { verb: 'explode' },
    { bytes: new Uint8Array([0xc1]) },
  ]) {
    await take(message);
  }
  assert.equal(told, Array.from({ length: 6 }, () => ['answer _INBOX.a', 'ack']).flat());
  assert.ok(buried.every(({ code }) => code === 'INVALID_ARGUMENT'));
  await take({ verb: 'explode', replyTo: undefined } as never);
  assert.equal(counts().buried, { answered: 6, unanswered: 1 }, 'of the last nobody was told');
});

test.run();
