// limit: 120s
// G3: whose child a task is, what it has spawned, and how far that is, on its own page and in the list.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { family } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage } from '../support/page-fixture.ts';
import { waitForRow, rowOf } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('children on the page');

test(
  'G3, G4 how many are done, links both ways, and what a cancel of the parent leaves',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    const job = await baton.within(() => family.with({ taskName: 'Report of the quarter' }).schedule());
    const page = await open('alice');
    await waitForRow(page, job.name, '1 of 3 children done');
    await screenshot(page, 'children-list');
    await expectAccessible(page, 'a list with a task that waits for children');
    await rowOf(page, job.name).getByRole('link', { name: job.name }).click();
    const facts = page.locator('.facts');
    await facts.getByText('Children (1 of 3 done)').waitFor();
    await facts.getByText('3 children', { exact: true }).waitFor();
    const items = facts.locator('.related li');
    await eventually(async () =>
      assert.equal(
        (await items.allInnerTexts()).map((text) => text.replace(/, \d+%/, '')),
        [
          'Extract the orders of the last quarter\nIn Progress',
          'Tell the archive\nIn Progress, goes on alone',
          'Fetch the rates\nSuccess',
        ],
      ),
    );
    assert.is(await page.getByRole('button', { name: 'Send signal' }).count(), 0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [380, 1400]) {
        await page.setViewportSize({ width, height: 900 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `a task that waits for children, ${width} px, ${colorScheme}`);
        await screenshot(page, `children-${width}-${colorScheme}`);
      }
    }
    await facts.getByRole('link', { name: 'Extract the orders of the last quarter' }).click();
    await page.getByRole('heading', { name: 'Extract the orders of the last quarter' }).waitFor();
    await facts.getByRole('link', { name: job.name }).waitFor();
    await job.cancel();
    await page.locator('.task-header').getByText('Aborted').waitFor();
    await facts.getByRole('link', { name: job.name }).click();
    await page.getByRole('heading', { name: job.name }).waitFor();
    await eventually(async () =>
      assert.equal(
        (await items.allInnerTexts()).map((text) => text.replace(/, \d+%/, '')),
        [
          'Extract the orders of the last quarter\nAborted',
          'Tell the archive\nIn Progress, goes on alone',
          'Fetch the rates\nSuccess',
        ],
      ),
    );
  },
  { limitMs: 90_000 },
);

test.run();
