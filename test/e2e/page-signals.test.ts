// limit: 240s
// G5 on the page: a task that waits is shown as that, and somebody sends what it waits for.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { approval } from '../support/fixture-page-tasks.ts';
import { expectAccessible, startPage } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('signals on the page');

test(
  'G5 what a task waits for is shown, and its signal sent from its page, with data that is JSON',
  async (context) => {
    const { system, open } = await startPage(context);
    const job = await system.baton.within(() => approval.with({ taskName: 'Asks' }).schedule());
    const page = await open('alice', '/', { viewport: { width: 1400, height: 900 } });
    await waitForRow(page, 'Asks', 'Pending', 'waits for signal approved');
    await screenshot(page, 'signal-list');
    await rowOf(page, 'Asks').getByRole('link', { name: 'Asks' }).click();
    await page.locator('.facts').getByText('Waits for signal').waitFor();
    await page.locator('.facts').getByText('Steps done (1)').waitFor();
    await page.locator('.facts').getByText('Draft the report').waitFor();
    await expectAccessible(page, 'a task that waits for a signal');
    await screenshot(page, 'signal-task');
    await page.getByRole('button', { name: 'Send signal' }).click();
    const dialog = page.getByRole('dialog', { name: 'Send Signal' });
    await dialog.getByLabel('Data').fill('yes');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await dialog.getByText('This is no JSON').waitFor();
    await expectAccessible(page, 'the signal dialog');
    await page.emulateMedia({ colorScheme: 'dark' });
    await screenshot(page, 'signal-dialog-dark');
    await page.setViewportSize({ width: 380, height: 800 });
    await screenshot(page, 'signal-dialog-narrow');
    await dialog.getByLabel('Data').fill('{ "by": "alice" }');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await page.locator('.toasts').getByText('Asks goes on', { exact: true }).waitFor();
    await job.wait({ timeout: '60s' });
    assert.equal(job.result, { by: 'alice' });
    await page.locator('.facts').getByText('by alice').first().waitFor();
    assert.is(await page.getByRole('button', { name: 'Send signal' }).count(), 0);
    await screenshot(page, 'signal-task-ended-narrow');
  },
  { limitMs: 120_000 },
);

test.run();
