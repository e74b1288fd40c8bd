// limit: 120s
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
    for (const role of ['worker', 'supervisor']) await processes.getByText(role, { exact: true }).waitFor();

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

test.run();
