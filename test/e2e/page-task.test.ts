// limit: 240s
// One task on its own page, and the form that makes one.
import { readFileSync } from 'node:fs';
import { connect, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { fails, quick, running, ticks } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('one task on the page');
const LIMIT = { limitMs: 60_000 };

test(
  'L5 L10 arguments, payload, result, error and the whole history, in light and dark, narrow and wide',
  async (context) => {
    const { system, open } = await startPage(context, { env: { SHOW_STACKTRACE: 'true' } });
    const { baton } = system;
    const good = await baton.within(() =>
      quick.with({ taskName: 'Good' }).schedule({ list: [1, 2], text: 'a "quoted" word', none: null }),
    );
    const bad = await baton.within(() => fails.with({ taskName: 'Bad' }).schedule('the disk is full'));

    const page = await open('alice', `/task/${good.uuid}`);
    await page.getByRole('heading', { name: 'Good' }).waitFor();
    const result = page.getByRole('region', { name: 'Result' });
    await result.waitFor();
    assert.match(await result.innerText(), /rows: 10/);
    assert.match(await page.getByRole('region', { name: 'Arguments' }).innerText(), /text: "a \\"quoted\\" word"/);
    const history = page.getByRole('region', { name: 'History' });
    await eventually(async () =>
      assert.equal(await history.locator('li strong').allInnerTexts(), ['Pending', 'In Progress', 'Success']),
    );
    assert.match(await history.innerText(), /by alice/);
    assert.match(await page.locator('.facts').innerText(), /default[^]*alice[^]*1 of 1/);
    await expectAccessible(page, 'a task that succeeded');
    await screenshot(page, 'task-success');

    await page.goto(page.url().replace(good.uuid, bad.uuid));
    const error = page.getByRole('region', { name: 'Error' });
    await error.waitFor();
    assert.match(await error.innerText(), /HostileError[^]*the disk is full[^]*at /);
    assert.match(await page.getByRole('region', { name: 'Payload' }).innerText(), /about: "the disk is full"/);
    await eventually(async () =>
      assert.equal(await history.locator('li strong').allInnerTexts(), [
        'Pending',
        'In Progress',
        'Pending',
        'In Progress',
        'Failed',
      ]),
    );
    await history.getByText('retry after HostileError: the disk is full').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [360, 1280, 2560]) {
        await page.setViewportSize({ width, height: width === 360 ? 780 : 1000 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `a task that failed, ${width} px, ${colorScheme}`);
        await screenshot(page, `task-${width}-${colorScheme}`);
      }
    }
  },
  LIMIT,
);

test(
  'X4 large arguments and results: fetched when asked for, shown to a limit, downloaded whole; no reference is shown',
  async (context) => {
    const { system, open } = await startPage(context);
    const some = Array.from({ length: 6_000 }, (_, n) => `row ${n} of some`);
    const many = Array.from({ length: 30_000 }, (_, n) => `row ${n} of many`);
    const [small, large] = await system.baton.within(async () => [
      await quick.with({ taskName: 'Some' }).schedule(some),
      await quick.with({ taskName: 'Many' }).schedule(many),
    ]);
    const page = await open('alice', `/task/${small.uuid}`);
    const [args, result] = ['Arguments', 'Result'].map((name) => page.getByRole('region', { name }));
    if (args === undefined || result === undefined) throw new Error('two panels');
    await result.getByText(/^\d+ KiB$/).waitFor();
    assert.not.match(await page.locator('main').innerText(), /\$object|digest/);
    assert.not.match(await page.locator('main').innerText(), /row 0 of some/, 'not before it is asked for');
    await args.getByRole('button', { name: 'Show' }).click();
    await args.getByText(/6000 items/).waitFor();
    await result.getByRole('button', { name: 'Show' }).click();
    await result.getByText('rows').waitFor();
    await expectAccessible(page, 'large data that is shown');
    await screenshot(page, 'task-large');

    await page.goto(page.url().replace(small.uuid, large.uuid));
    await result.getByRole('button', { name: 'Show' }).click();
    await result.getByText('The first 256 KiB. Download it to see all.').waitFor();
    const shown = await result.locator('pre').innerText();
    assert.match(shown.slice(0, 60), /^\{"given":\["row 0 of many","row 1 of many"/);
    assert.ok(shown.length <= 256 * 1024);
    await expectAccessible(page, 'the beginning of large data');
    await screenshot(page, 'task-large-beginning');
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      result.getByRole('button', { name: 'Download' }).click(),
    ]);
    assert.is(file.suggestedFilename(), `page.quick-${large.uuid.slice(-8)}-result.json`);
    const saved = JSON.parse(readFileSync(await file.path(), 'utf8')) as unknown;
    assert.equal(saved, { given: many, rows: 10 });
  },
  LIMIT,
);

test(
  'X5 a type that is served in another queue: the page says where, for a task that waits and in the form',
  async (context) => {
    const { system, open } = await startPage(context);
    const task = await system.baton.within(() => running.with({ taskName: 'Misled', queue: 'mail' }).schedule([1, 2]));
    const page = await open('alice', `/task/${task.uuid}`);
    await page.getByText('No worker serves page.running in queue mail.').waitFor();
    await page.getByText('Workers serve it in queue default.').waitFor();
    const why = page.getByRole('region', { name: 'Why it waits' });
    await why.getByText('No worker serves queue mail. Workers take that type from queue default.').waitFor();
    await why.getByText('It is next in queue mail, priority normal; nothing else waits.').waitFor();
    await page.keyboard.press('n');
    const dialog = page.getByRole('dialog', { name: 'Schedule a task' });
    await dialog.getByLabel('Type').fill('page.running');
    await dialog.getByText('1 worker in default', { exact: true }).waitFor();
    await dialog.getByLabel('Queue').fill('mail');
    await dialog
      .getByText('No worker serves page.running in queue mail now: the task would wait. There is 1 worker in default.')
      .waitFor();
  },
  LIMIT,
);

test(
  'Q9 why a task waits: on its page and behind a sign of its row, with links to what holds it, and by itself as it changes',
  async (context) => {
    const { system, open } = await startPage(context, { env: { BATON_CONCURRENCY: '4' } });
    const root = system.baton.as({ id: 'admin', admin: true });
    await root.queues.limit('default', { of: 'queue', concurrency: 1, why: 'the warehouse takes one at a time' });
    const alice = system.baton.as({ id: 'alice' });
    const holder = await alice.within(() =>
      ticks.with({ taskName: 'Nightly export of a long name' }).schedule(1e5, 100),
    );
    await eventually(async () => assert.is((await holder.refresh()).status, 'in_progress'), { limitMs: 20_000 });
    const task = await alice.within(() => ticks.with({ taskName: 'Waits' }).schedule(2, 1));
    const page = await open('alice', `/task/${task.uuid}`);
    const why = page.getByRole('region', { name: 'Why it waits' });
    await why.getByText('Queue default is at its limit of 1 at once').waitFor();
    await why.getByRole('link', { name: 'Nightly export of a long name' }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [380, 1400]) {
        await page.setViewportSize({ width, height: width === 380 ? 780 : 1000 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `a task that waits, ${width} px, ${colorScheme}`);
        await screenshot(page, `task-waits-${width}-${colorScheme}`);
      }
    }
    await root.queues.pause('default', { why: 'maintenance' });
    await why.getByText(/^Queue default is paused by admin since .*: maintenance\.$/).waitFor();
    await page.goto(new URL('/', page.url()).href);
    await waitForRow(page, 'Waits');
    const row = rowOf(page, 'Waits');
    await row.getByRole('button', { name: 'Why Waits waits' }).click();
    await page.getByText(/^Queue default is paused by admin/).waitFor();
    await expectAccessible(page, 'why a row waits');
    await screenshot(page, 'list-why');
    await root.queues.resume('default');
    await holder.cancel();
    await eventually(async () => assert.is((await task.refresh()).status, 'success'), { limitMs: 20_000 });
    await row.getByRole('button', { name: 'Why Waits waits' }).waitFor({ state: 'detached' });
  },
  LIMIT,
);

test(
  'D10 the form shows how a type is defined, and says at the arguments that they do not fit it',
  async (context) => {
    const { system, open } = await startPage(context);
    const page = await open('alice');
    await page.getByText('No tasks yet').waitFor();
    await page.keyboard.press('n');
    const dialog = page.getByRole('dialog', { name: 'Schedule a task' });
    await dialog.getByLabel('Type').fill('page.described');
    await dialog.getByText('Greet somebody: Says hello as often as it is told to.').waitFor();
    await dialog.getByText('A JSON list, one entry for each parameter: (who: string, times?: integer)').waitFor();
    await dialog.getByText('Empty: as its type has it (5m).').waitFor();
    await dialog.getByText('Empty: as its type has it (greetings).').waitFor();
    await dialog.getByText('No worker serves page.described in queue greetings now').waitFor();
    assert.is(await dialog.getByText('different definitions').count(), 0);
    assert.is(await dialog.getByLabel('Scope').locator('option').first().innerText(), 'as its type has it (shared)');
    assert.is(await dialog.getByLabel('Priority').locator('option').first().innerText(), 'as its type has it (low)');
    await dialog.getByLabel('Arguments').fill('["you", "twice"]');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await dialog.getByText('A shared task needs a key').waitFor();
    await dialog.getByLabel('Key').fill('greeting');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await dialog.getByText('args[1]: must be integer (the arguments of page.described)').waitFor();
    assert.is(await dialog.getByLabel('Arguments').getAttribute('aria-invalid'), 'true');
    await expectAccessible(page, 'the schedule form of a described type');
    await screenshot(page, 'schedule-described');
    await dialog.getByLabel('Arguments').fill('["you", 2]');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await page.locator('.toasts').getByText('Scheduled: greeting').waitFor();
    const { natsUrl: servers, namespace } = system;
    for (const timeout of ['1m', '2m']) {
      const client = await connect({ servers, namespace, user: { id: 'alice' } });
      context.defer(() => client.close());
      await client.startWorker({
        tasks: [task({ name: 'page.disputed', timeout }, () => undefined)],
        queues: ['disputes'],
        handleStrayErrors: false,
      });
    }
    await eventually(async () => {
      const kept = (await system.baton.types()).find(({ definition }) => definition.type === 'page.disputed');
      assert.is(kept?.conflicts.length, 1);
    });
    const admins = await open('admin');
    await admins.getByRole('table').waitFor();
    await admins.keyboard.press('n');
    await admins.getByRole('dialog', { name: 'Schedule a task' }).getByLabel('Type').fill('page.disputed');
    await admins.getByText(/different definitions; the one shown here counts: .* differs in timeout\.$/).waitFor();
  },
  LIMIT,
);

test(
  'live: progress, the estimate and the end appear by themselves',
  async (context) => {
    const { system, open } = await startPage(context);
    const task = await system.baton.within(() => ticks.with({ taskName: 'Ticks' }).schedule(100_000, 100));
    const page = await open('alice', `/task/${task.uuid}`);
    const bar = page.getByRole('progressbar', { name: 'Progress of Ticks' });
    await bar.waitFor();
    const seen = new Set<string>();
    await eventually(
      async () => {
        seen.add((await bar.getAttribute('aria-valuetext', { timeout: 500 })) ?? '');
        assert.ok(seen.size >= 5, [...seen].join());
      },
      { limitMs: 15_000, everyMs: 30 },
    );
    for (const text of seen) assert.match(text, /^\d+ of 100,000 \(\d+%\)$/);
    await page.getByText(/^ETA: \d/).waitFor();
    await screenshot(page, 'task-running');
    await task.cancel();
    await page.getByText('Aborted').first().waitFor();
    assert.is(await page.getByText(/^ETA: /).count(), 0);
  },
  LIMIT,
);

test(
  'the schedule form: what is wrong is said at its field, a task is made, X5 a type nobody serves is warned of, D2 a key joins',
  async (context) => {
    const { open } = await startPage(context);
    const page = await open('alice');
    await page.getByText('No tasks yet').waitFor();
    await page.keyboard.press('n');
    const dialog = page.getByRole('dialog', { name: 'Schedule a task' });
    await dialog.waitFor();
    assert.is(await page.evaluate<string>('document.activeElement.labels[0].textContent'), 'Type');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await dialog.getByText('Choose or write the type of the task.').waitFor();
    assert.is(await dialog.getByLabel('Type').getAttribute('aria-invalid'), 'true');

    await dialog.getByLabel('Type').fill('nobody.serves_this');
    await dialog.getByText('No worker serves nobody.serves_this now: the task would wait.').waitFor();
    await dialog.getByLabel('Type').fill('page.running');
    await dialog.getByText('1 worker in default').waitFor();
    await dialog.getByLabel('Arguments').fill('{"not": "a list"}');
    await dialog.getByText(/Arguments are a list/).waitFor();
    await expectAccessible(page, 'the schedule form with a fault');
    await screenshot(page, 'schedule-fault');
    await dialog.getByLabel('Arguments').fill('[[1, 4], {"from": "the form"}]');
    await dialog.getByLabel('Key').fill('form_1');
    await dialog.getByLabel('Name').fill('From the form');
    await dialog.getByLabel('Priority').selectOption('high');
    await dialog.getByLabel('Timeout').fill('5m');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await page.locator('.toasts').getByText('Scheduled: From the form').waitFor();
    await waitForRow(page, 'From the form', 'In Progress', '1 of 4 (25%)');

    await page.keyboard.press('n');
    await dialog.getByLabel('Type').fill('page.running');
    await dialog.getByLabel('Arguments').fill('[[2, 4]]');
    await dialog.getByLabel('Key').fill('form_1');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await page
      .locator('.toasts')
      .getByText('You joined a task whose arguments differ from yours: From the form')
      .waitFor();

    await page.getByRole('link', { name: 'From the form' }).click();
    const facts = page.locator('.facts');
    await facts.waitFor();
    assert.match(await facts.innerText(), /high priority/);
    assert.match(await facts.innerText(), /Timeout\s+5m/);
    assert.match(await page.getByRole('region', { name: 'Payload' }).innerText(), /from: "the form"/);
    await page.getByRole('link', { name: 'Tasks' }).first().click();
    assert.is(await rowOf(page, 'From the form').count(), 1, 'joined, not made again');
  },
  LIMIT,
);

test.run();
