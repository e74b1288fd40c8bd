// Commands that were not carried out are seen without tools of others.
import { encode, headers as names, type Names } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';

const test = stagedSuite('dead letters', { workers: 0 });

type Shown = {
  readonly number: number;
  readonly subject: string;
  readonly code: string;
  readonly reason: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body?: unknown;
  readonly data: string;
};

const publish = async (stage: Stage, subject: string, bytes: Uint8Array, contentType?: string): Promise<void> => {
  const headers = { 'X-Sender': 'billing', ...(contentType === undefined ? {} : { [names.contentType]: contentType }) };
  assert.is((await stage.ports.wire.publisher.publish(subject, bytes, { headers })).kind, 'written');
};

const listed = async (stage: Stage, ...more: readonly string[]): Promise<readonly Shown[]> => {
  const { code, stdout, stderr } = await runCli(stage, ['dead-letters', '--json', ...more]);
  assert.is(code, 0, stderr);
  return JSON.parse(stdout) as readonly Shown[];
};

test('the newest first, with why, what was sent, and a page after the other', async (stage) => {
  const { submitSubject, cancelSubject }: Names = namesFor(stage);
  const none = await runCli(stage, ['dead-letters']);
  assert.equal([none.code, none.stdout], [0, 'no command of the last days was put aside\n']);
  const mail = submitSubject('dead.mail');
  await publish(stage, mail, Buffer.from('{"args": [1'));
  await eventually(async () => assert.is((await listed(stage)).length, 1));
  await publish(stage, cancelSubject, encode({ id: 7, user: { id: 'a\u001b[31m' } }), 'application/msgpack');
  await eventually(async () => assert.is((await listed(stage)).length, 2));
  for (let i = 0; i < 10; i++) await publish(stage, mail, Buffer.from(JSON.stringify({ argz: i })));
  const all = await eventually(async () => {
    const found = await listed(stage);
    assert.is(found.length, 12);
    return found;
  });
  assert.equal(
    all.map(({ number }) => number),
    Array.from({ length: 12 }, (_, i) => 12 - i),
  );
  const [first, second] = [all.at(-1), all.at(-2)];
  assert.equal([first?.subject, first?.code, first?.body], [mail, 'INVALID_ARGUMENT', undefined]);
  assert.match(first?.reason ?? '', /the body is no JSON/);
  assert.equal(first?.headers['X-Sender'], ['billing']);
  assert.is(Buffer.from(first?.data ?? '', 'base64').toString(), '{"args": [1');
  assert.equal(second?.body, { id: 7, user: { id: 'a\u001b[31m' } });
  assert.equal(new Set(all.slice(0, 10).map(({ body }) => (body as { readonly argz: number }).argz)).size, 10);
  const page = await listed(stage, '--limit', '3', '--before', '11');
  assert.equal(
    page.map(({ number }) => number),
    [10, 9, 8],
  );
});

test('one of them whole, and in words; a number of none is said', async (stage) => {
  const table = await runCli(stage, ['dead-letters', '--limit', '1']);
  assert.match(
    table.stdout,
    /NUMBER +AT \(UTC\) +SENT TO +CODE +REASON +SIZE\n +12 +20.*INVALID_ARGUMENT +there is no 'argz' here/,
  );
  const one = await runCli(stage, ['dead-letters', '2']);
  assert.is(one.code, 0, one.stderr);
  assert.match(one.stdout, /sent to +\S*cancel\ncode +INVALID_ARGUMENT\nreason +/);
  assert.match(one.stdout, /X-Sender: billing/);
  assert.ok(!one.stdout.includes('\u001b[31m'), 'what was sent does not drive the terminal');
  const missing = await runCli(stage, ['dead-letters', '99']);
  assert.equal([missing.code, missing.stdout], [4, '']);
  assert.match(missing.stderr, /there is no dead letter 99/);
  const denied = await runCli(stage, ['dead-letters', '2', '--user', 'alice']);
  assert.equal([denied.code, denied.stdout], [2, '']);
  assert.is((await runCli(stage, ['dead-letters', '2', '--user', 'alice', '--admin'])).code, 0);
  const wrong = await runCli(stage, ['dead-letters', 'all']);
  assert.is(wrong.code, 2);
});

test.run();
