// limit: 120s
// B2: tags said at every door and by the handler; seen in record, document, events; lists by them on the command line.
import { decode } from '@baton/protocols';
import { getContext, task, type TagChanges } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { ALICE, ask, namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { recordingLog, stagedSuite, thrownBy, until } from '../support/stage.ts';
import { natsWork, only, WorkClient } from '../support/work-client.ts';

const test = stagedSuite('behaviour: tags', { workers: 0 });

/** Several runs of the command line. */
const SLOW = { limitMs: 60_000 };

const TAGS = { tenant: 'acme', order: 17, isUrgent: true };

test('B2 of the definition and of the call, changed by the handler, in record, document and event', async (stage, context) => {
  const seen: unknown[] = [];
  const tagged = task({ name: 'b2.tagged', tags: { team: 'reports', order: 1 } }, (changes: readonly TagChanges[]) => {
    const ctx = getContext();
    seen.push(ctx.tags);
    for (const tags of changes) ctx.updateTask({ tags });
    seen.push(ctx.tags);
    ctx.updateTask({ progress: 1, payload: { done: true } });
  });
  const { log, lines } = recordingLog();
  await stage.serve(context, [tagged], { log });
  const changes = [{ rows: 3, order: null }, { 'a.b': 1, rows: 4 } as TagChanges, { team: '' } as TagChanges];
  const handle = await stage.as('alice').schedule(tagged, [changes], { tags: TAGS });
  assert.equal(handle.tags, { team: 'reports', ...TAGS });
  await handle.wait({ timeout: '30s' });
  const after = { team: 'reports', tenant: 'acme', isUrgent: true, rows: 4 };
  assert.equal(seen, [{ team: 'reports', ...TAGS }, after]);
  assert.equal([handle.status, handle.tags, handle.payload], ['success', after, { done: true }]);
  const refused = lines.filter(({ msg }) => msg.startsWith('tags were not understood'));
  assert.is(refused.length, 2);
  assert.match(String(refused[0]?.['reason']), /^tags: is up to 32 tags by name/);
  const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
  assert.equal(document.tags, after);
  assert.equal(document.tag_terms, ['team:reports', 'tenant:acme', 'isUrgent:true', 'rows:4']);
  const bare = await stage.as('alice').schedule('b2.tagged.not', [[]]);
  assert.equal([bare.tags, 'tags' in bare.record], [{}, false]);
  assert.not('tags' in (await stage.document(bare.uuid)));
  // A retry is found by what the task was found by at last.
  const again = await handle.retry();
  assert.equal((await again.wait({ timeout: '30s' })).tags, after);
});

test('B2 more than 32 in all are left out with a warning, and the task goes on; so after a rescue and by another worker', async (stage, context) => {
  const full = task({ name: 'b2.full', retry: { maxAttempts: 2, backoff: { initial: '10ms' } } }, () => {
    const { attempt, tags, updateTask } = getContext();
    updateTask({ tags: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`t${i}`, i])) });
    updateTask({ tags: { x: 1, y: 2, z: 3 } });
    if (attempt === 1) throw new Error('once more');
    return Object.keys(tags).length;
  });
  const { log, lines } = recordingLog();
  await stage.serve(context, [full], { log });
  const handle = await stage.as('alice').schedule(full, [], { tags: { a: 1 } });
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.status, handle.result, Object.keys(handle.tags).length], ['success', 31, 31]);
  assert.is(lines.filter(({ reason }) => reason === 'there are more than 32').length, 2);
});

test(
  'B2 every door takes them, and refuses by the same words what is no tag',
  async (stage, context) => {
    const alice = stage.as('alice');
    const subject = namesFor(stage).submitSubject('b2.doors');
    const publisher = (await stage.client(context, { role: 'publisher', user: ALICE })).as(ALICE);
    const sdk = await alice.schedule('b2.doors', [], { tags: TAGS });
    const command = await ask(stage, subject, { tags: TAGS, user: ALICE });
    assert.equal([command.ok, command.task?.['tags']], [true, TAGS]);
    const sent = await publisher.schedule('b2.doors', [], { tags: TAGS });
    assert.equal(sent.tags, TAGS);
    const line = [
      'submit',
      'b2.doors',
      '--user',
      'alice',
      '--json',
      '--tag',
      'tenant=acme',
      'order=17',
      'isUrgent=true',
    ];
    const cli = await runCli(stage, line);
    assert.is(cli.code, 0, cli.stderr);
    const shown = async (id: string) => (await stage.document(id)).tags;
    const made = [sdk.uuid, command.task?.id ?? '', sent.uuid, (JSON.parse(cli.stdout) as { id: string }).id];
    for (const id of made) assert.equal(await shown(id), TAGS);

    const says = /tags[^:]*: is up to 32 tags by name: a name is 1 to 64 letters/;
    for (const tags of [{ 'a.b': 1 }, { a: '' }, { a: null }, { a: [1] }, [], 'a']) {
      const text = JSON.stringify(tags);
      const error = await thrownBy(() => alice.schedule('b2.doors', [], { tags: tags as never }));
      assert.is(error.code, 'INVALID_ARGUMENT', text);
      assert.match(error.message, says);
      const answer = await ask(stage, subject, { tags, user: ALICE });
      assert.is(answer.code, 'INVALID_ARGUMENT', text);
      assert.match(answer.message ?? '', says);
      const scheduled = await thrownBy(() =>
        alice.schedules.set('b2', { every: '1d', task: 'b2.doors', tags: tags as never }),
      );
      assert.match(scheduled.message, says);
    }
    const refused = await runCli(stage, ['submit', 'b2.doors', '--user', 'alice', '--tag', 'a.b=1']);
    assert.equal([refused.code === 0, /--tag is name=value/.test(refused.stderr)], [false, true]);
    const many = (prefix: string) => Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${prefix}${i}`, i]));
    const wide = task({ name: 'b2.wide', tags: many('a') }, () => 1);
    const tooMany = await thrownBy(() => alice.schedule(wide, [], { tags: many('b') }));
    assert.match(tooMany.message, /with those of its type they are more than 32/);
  },
  SLOW,
);

test('B2 a schedule tags what it makes', async (stage) => {
  const alice = stage.as('alice');
  await alice.schedules.set('b2.daily', { every: '365d', task: 'b2.scheduled', tags: { tenant: 'acme', run: 1 } });
  await alice.schedules.trigger('b2.daily');
  const made = await eventually(async () => {
    const { history } = await alice.schedules.get('b2.daily');
    const started = history.find(({ kind }) => kind === 'started');
    assert.ok(started !== undefined && started.kind === 'started');
    return started;
  });
  const document = await stage.document(made.task);
  assert.equal(document.tags, { tenant: 'acme', run: 1 });
  await alice.schedules.remove('b2.daily');
});

test(
  'B2 S4 the list of the command line: by tags, and nobody sees more than before',
  async (stage) => {
    const make = async (user: string, tags: Readonly<Record<string, string | number>>) =>
      (await stage.as(user).schedule('b2.listed', [], { tags })).uuid;
    const first = await make('alice', { tenant: 'acme', order: 1 });
    const second = await make('alice', { tenant: 'acme', order: 2 });
    const other = await make('bob', { tenant: 'acme', order: 1 });
    for (const id of [first, second, other]) await stage.document(id);
    const listed = async (...line: readonly string[]) => {
      const { code, stdout, stderr } = await runCli(stage, ['list', '--type', 'b2.listed', '--json', ...line]);
      assert.is(code, 0, stderr);
      const { result } = JSON.parse(stdout) as { result: { id: string; tags: object; tag_terms?: unknown }[] };
      assert.ok(result.every(({ tag_terms: terms }) => terms === undefined));
      return result.map(({ id }) => id);
    };
    assert.equal(await listed('--tag', 'tenant=acme'), [other, second, first]);
    assert.equal(await listed('--user', 'alice', '--tag', 'tenant=acme'), [second, first]);
    assert.equal(await listed('--user', 'alice', '--tag', 'tenant=acme', '--tag', 'order=1'), [first]);
    assert.equal(await listed('--user', 'alice', '--tag', 'order=1', 'order=2'), [second, first]);
    assert.equal(await listed('--user', 'alice', '--tag', 'order=3'), []);
  },
  SLOW,
);

test('B2 O1 a worker in another language is told of them, and says them in its beats', async (stage) => {
  const client = new WorkClient(natsWork(stage.ports.wire.nc, namesFor(stage)), 'b2');
  const handle = await stage.as('alice').schedule('b2.remote', [], { tags: TAGS });
  await client.beat();
  const claimed = await eventually(async () => only(await client.claim({ types: ['b2.remote'], wait: 2 })));
  assert.equal(claimed['tags'], TAGS);
  const { address, fence } = claimed;
  await client.ask('beat', { running: [{ address, fence, tags: { rows: 7 } }] });
  await client.ask('beat', { running: [{ address, fence, tags: { order: null, isUrgent: null } }] });
  await until(handle, ({ tags }) => tags['rows'] === 7);
  await client.finish(claimed, { outcome: 'success', tags: { done: true } });
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.status, handle.tags], ['success', { tenant: 'acme', rows: 7, done: true }]);
  // Somebody who follows the log finds them in the record.
  const event = stage.heard.findLast(({ address: where }) => where === handle.address);
  assert.equal((decode(event!.bytes, 1e6) as { tags: object }).tags, handle.tags);
});

test.run();
