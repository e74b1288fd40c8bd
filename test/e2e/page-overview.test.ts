// limit: 240s
// The overview: figures and charts of real work.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { fails, quick, running } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage } from '../support/page-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('overview page');

test(
  'throughput, outcomes, queues and processes; each picture also as a table; who is no admin sees no processes',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    for (let n = 0; n < 12; n++) await baton.within(() => quick.schedule(n));
    for (let n = 0; n < 3; n++) await baton.within(() => fails.schedule('no'));
    await baton.within(() => running.schedule([1, 2]));
    await baton.as({ id: 'bob' }).within(() => quick.schedule('of bob'));
    const tasks = system.mongo.db.collection('tasks');
    await eventually(async () => assert.is(await tasks.countDocuments({ terminal: true }), 16), { limitMs: 20_000 });

    const page = await open('admin', '/overview');
    const tile = (name: string) => page.locator('.tiles li').filter({ hasText: name }).locator('.figure');
    const figure = async (name: string, expected: string): Promise<void> =>
      eventually(async () => assert.is(await tile(name).innerText(), expected, name), { limitMs: 15_000 });
    await figure('Success', '13');
    await figure('Failed', '3');
    await figure('In Progress', '1');

    const outcomes = page.getByRole('img', { name: /^Outcomes/ });
    assert.match((await outcomes.locator('desc').textContent()) ?? '', /13 success, 3 failed, 0 aborted, 0 timed out/);
    const frame = page.getByRole('region', { name: 'Outcomes' });
    await frame.getByText('As a table').click();
    const sum = await frame.locator('tbody tr td:nth-child(2)').allInnerTexts();
    assert.is(
      sum.reduce((total, text) => total + Number(text), 0),
      13,
    );

    const queue = page.getByRole('region', { name: 'Queues' }).locator('tbody tr').filter({ hasText: 'default' });
    await eventually(async () => assert.match(await queue.innerText(), /default\s+0\s+0\s+1\s+–\s+1\s+\d+ of 50/));
    const processes = page.getByRole('region', { name: 'Processes' });
    for (const role of ['worker', 'supervisor', 'gateway']) await processes.getByText(role, { exact: true }).waitFor();

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [360, 1280, 2560]) {
        await page.setViewportSize({ width, height: 1000 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `the overview, ${width} px, ${colorScheme}`);
        await screenshot(page, `overview-${width}-${colorScheme}`);
      }
    }

    await page.getByRole('link', { name: '6h' }).click();
    await eventually(() => assert.match(page.url(), /\/overview\?window=6h$/));
    await page.reload();
    await figure('Success', '13');
    await tile('Failed').click();
    await eventually(() => assert.match(page.url(), /\/\?status=failure$/));

    const bob = await open('bob', '/overview');
    await eventually(async () =>
      assert.is(await bob.locator('.tiles li').filter({ hasText: 'Success' }).locator('.figure').innerText(), '1'),
    );
    assert.is(await bob.getByRole('region', { name: 'Processes' }).count(), 0);
  },
  { limitMs: 90_000 },
);

test(
  'Q8 an admin sees what is set for a queue, by whom and why, pauses and limits it, and takes it back; others see no such thing',
  async (context) => {
    const { system, open } = await startPage(context);
    const root = system.baton.as({ id: 'admin', admin: true });
    await root.queues.pause('default', { group: 'acme', why: 'unpaid, until the invoice of January is settled' });
    const page = await open('admin', '/overview');
    const row = page.getByRole('region', { name: 'Queues' }).locator('tbody tr').filter({ hasText: 'default' });
    await row.getByText('Group acme paused').waitFor();
    const change = page.getByRole('button', { name: 'Change queue default' });
    await change.click();
    const dialog = page.getByRole('dialog', { name: 'Queue default' });
    await dialog.getByLabel('Tasks at once').fill('none');
    await dialog.getByRole('button', { name: 'Limit the queue' }).click();
    await dialog.getByText('A whole number, 1 to 1,000,000.').waitFor();
    await dialog.getByLabel('Tasks at once').fill('3');
    await dialog.getByLabel('Why').fill('one licence each');
    await dialog.getByRole('button', { name: 'Limit the queue' }).click();
    await dialog.getByText('3 at once').waitFor();
    await dialog.getByText(/by admin, .*: one licence each/).waitFor();
    await dialog.getByLabel('Why').fill('maintenance');
    await dialog.getByRole('button', { name: 'Pause the queue' }).click();
    await dialog.getByText('Paused', { exact: true }).waitFor();
    assert.is(await dialog.getByRole('button', { name: 'Pause the queue' }).count(), 0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [380, 1400]) {
        await page.setViewportSize({ width, height: width === 380 ? 780 : 1000 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `what is set for a queue, ${width} px, ${colorScheme}`);
        await screenshot(page, `queue-dialog-${width}-${colorScheme}`);
      }
    }
    await dialog.getByRole('button', { name: 'Take back: 3 at once' }).click();
    await eventually(async () => assert.is(await dialog.getByText('3 at once').count(), 0));
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await row.getByText('by admin: maintenance').waitFor();
    await screenshot(page, 'overview-queue-set');
    const task = await system.baton.within(() => quick.schedule('waits'));
    await eventually(async () => assert.is((await task.why()).reasons[0]?.kind, 'paused'), { limitMs: 10_000 });
    await change.click();
    await dialog.getByRole('button', { name: 'Resume: Paused' }).click();
    assert.is((await task.wait({ timeout: '60s' })).status, 'success');
    const kept = await root.queues.get('default');
    assert.equal([kept.pauses.map(({ group }) => group), kept.limits], [['acme'], []]);

    const bob = await open('bob', '/overview');
    await bob.getByRole('region', { name: 'Queues' }).locator('tbody tr').filter({ hasText: 'default' }).waitFor();
    assert.is(await bob.getByRole('button', { name: 'Change queue default' }).count(), 0);
  },
  { limitMs: 90_000 },
);

test.run();
