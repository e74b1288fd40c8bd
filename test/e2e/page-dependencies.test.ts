// limit: 120s
// G1: what a task waits for, and what waits for it, on its own page and in the list.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { quick, running } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('dependencies on the page');

test(
  'G1 how many it waits on, links both ways, and all of it goes on while somebody looks',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    const { done, first, second, last } = await baton.within(async () => {
      const ended = await quick.with({ taskName: 'Fetch the rates' }).schedule(1);
      await ended.wait({ timeout: '60s' });
      const long = running.with({ taskName: 'Extract the orders of the last quarter' });
      const one = await long.schedule([3, 10]);
      const two = await running.with({ taskName: 'Extract the customers' }).schedule();
      const job = await quick
        .with({ taskName: 'Report', dependsOn: [ended, one, { task: two, onFailure: 'ignore' }] })
        .schedule(2);
      return { done: ended, first: one, second: two, last: job };
    });
    const page = await open('alice');
    await waitForRow(page, last.name, 'Waiting on 2 prerequisite tasks to finish');
    const row = rowOf(page, last.name);
    await screenshot(page, 'dependencies-list');
    await expectAccessible(page, 'a list with a task that waits for others');
    await row.getByRole('link', { name: 'Report' }).click();
    await page.getByText('Waiting on 2 prerequisite tasks to finish.').waitFor();
    const facts = page.locator('.facts');
    await facts.getByText('Depends on (3)').waitFor();
    const items = facts.locator('.related li');
    await eventually(async () =>
      assert.equal(await items.allInnerTexts(), [
        'Fetch the rates\nSuccess',
        'Extract the orders of the last quarter\nIn Progress',
        'Extract the customers\nIn Progress, may fail, ignored then',
      ]),
    );
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [380, 1400]) {
        await page.setViewportSize({ width, height: 900 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `a task that waits for others, ${width} px, ${colorScheme}`);
        await screenshot(page, `dependencies-${width}-${colorScheme}`);
      }
    }
    await second.cancel();
    await page.getByText('Waiting on 1 prerequisite task to finish.').waitFor();
    await facts.getByRole('link', { name: 'Fetch the rates' }).click();
    await page.getByRole('heading', { name: 'Fetch the rates' }).waitFor();
    await facts.getByText('Required by (1)').waitFor();
    assert.is(await facts.getByText('Depends on').count(), 0);
    await facts.getByRole('link', { name: 'Report' }).click();
    await page.getByRole('heading', { name: 'Report' }).waitFor();
    await first.cancel();
    await page.getByRole('region', { name: 'Error' }).waitFor();
    assert.match(
      await page.getByRole('region', { name: 'Error' }).innerText(),
      new RegExp(`Prerequisite task ${first.uuid} did not succeed \\(status=aborted\\)`),
    );
    assert.is(await page.getByText('Waiting on').count(), 0);
    assert.is((await done.refresh()).status, 'success');
  },
  { limitMs: 90_000 },
);

test.run();
