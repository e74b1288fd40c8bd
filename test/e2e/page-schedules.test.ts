// limit: 240s
// H6 on the page: when each schedule fires next, what has become of it, pause, resume and fire now.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { quick } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage } from '../support/page-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('schedules page');

test(
  'H6 the next ten times, what happened, who paused it and why; somebody else sees his own',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    const options = { task: quick, args: [1], timezone: 'Europe/Berlin', cron: '0 9 * * 1-5' } as const;
    await baton.schedules.set('report.of-every-morning', options);
    await baton.schedules.set('warehouse.cleanup', { task: quick, args: [2], every: '6h', overlap: 'buffer_one' });
    await baton.schedules.pause('warehouse.cleanup', 'the warehouse moves');
    const page = await open('alice');
    await page.getByRole('link', { name: 'Schedules' }).click();
    await eventually(() => assert.match(page.url(), /\/schedules$/));
    const report = page.getByRole('region', { name: 'report.of-every-morning' });
    await report.getByText('0 9 * * 1-5, Europe/Berlin').waitFor();
    await report.getByText('Next 10 times').click();
    await eventually(async () => assert.is(await report.locator('.times li').count(), 10));
    const cleanup = page.getByRole('region', { name: 'warehouse.cleanup' });
    await cleanup.getByText('every 6h').waitFor();
    assert.match(await cleanup.locator('.paused').innerText(), /Paused by alice .*: the warehouse moves/);
    await report.getByRole('button', { name: 'Fire now' }).click();
    await page.locator('.toasts').getByText('report.of-every-morning fires now').waitFor();
    await report.getByText('1 started, 0 skipped').waitFor();
    await report.getByText('What happened').click();
    const started = report.locator('.events li').filter({ hasText: 'Started' });
    await started.getByRole('link').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [360, 1400]) {
        await page.setViewportSize({ width, height: 900 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `schedules, ${width} px, ${colorScheme}`);
        await screenshot(page, `schedules-${width}-${colorScheme}`);
      }
    }
    await cleanup.getByRole('button', { name: 'Resume' }).click();
    await cleanup.getByText('Next 10 times').waitFor();
    await cleanup.getByRole('button', { name: 'Pause' }).click();
    await cleanup.locator('.paused').getByText('Paused by alice').waitFor();
    assert.is((await baton.schedules.get('warehouse.cleanup')).paused?.by, 'user:alice');
    await started.getByRole('link').click();
    await page
      .locator('.facts')
      .getByText('page.quick')
      .or(page.getByRole('heading', { level: 1 }))
      .first()
      .waitFor();
    await eventually(() => assert.match(page.url(), /\/task\/[0-9a-f-]{36}$/));
    const bob = await open('bob', '/schedules');
    await bob.getByText('There are no schedules').waitFor();
    await expectAccessible(bob, 'no schedules');
  },
  { limitMs: 120_000 },
);

test.run();
