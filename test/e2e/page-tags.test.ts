// limit: 120s
// B2: tags on the page: in a row and on a task's own page, pressed to narrow the list, chosen and typed in the filters, said in the form.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { quick, running } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('tags on the page');

test(
  'B2 a tag that is pressed narrows the list; others are chosen or typed; the form takes them',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    await baton.within(async () => {
      const long = {
        customer: 'Gesellschaft mit beschränkter Haftung und sehr langem Namen, Ltd.',
        region: 'eu-central',
      };
      const tags = { tenant: 'acme', order: 17, isUrgent: true, ...long };
      await running.with({ taskName: 'Import of May', tags }).schedule([3, 10]);
      await quick.with({ taskName: 'Report of May', tags: { tenant: 'acme', order: 18 } }).schedule(1);
      await quick.with({ taskName: 'Something else', tags: { tenant: 'other' } }).schedule(2);
      await quick.with({ taskName: 'Without any' }).schedule(3);
    });
    const page = await open('alice');
    const shows = (names: readonly string[]) =>
      eventually(async () => assert.equal(await page.locator('tbody tr .name').allInnerTexts(), names));
    await waitForRow(page, 'Import of May', 'In Progress');
    await waitForRow(page, 'Without any', 'Success');
    const row = rowOf(page, 'Import of May');
    assert.equal(await row.locator('.tags .tag').allInnerTexts(), ['tenant:acme', 'order:17', 'isUrgent:true']);
    assert.is(await row.locator('.tags').getByText('+2').count(), 1);
    assert.is(await rowOf(page, 'Without any').locator('.tags').count(), 0);

    await row.getByRole('link', { name: 'tenant:acme' }).click();
    await shows(['Report of May', 'Import of May']);
    assert.equal(new URL(page.url()).searchParams.getAll('tag'), ['tenant:acme']);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [380, 1400]) {
        await page.setViewportSize({ width, height: 900 });
        await expectNoOverflow(page, `${width} px`);
        await expectAccessible(page, `a list by tags, ${width} px, ${colorScheme}`);
        await screenshot(page, `tags-list-${width}-${colorScheme}`);
      }
    }

    await page.getByRole('button', { name: /^Tag/ }).click();
    const menu = page.getByRole('dialog', { name: 'Filter by tag' });
    await menu.getByRole('checkbox', { name: 'order:17' }).click();
    await shows(['Import of May']);
    await menu.getByRole('checkbox', { name: 'order:17' }).click();
    await menu.getByRole('checkbox', { name: 'tenant:acme' }).click();
    await menu.getByRole('textbox').fill('tenant=other');
    await menu.getByRole('textbox').press('Enter');
    await shows(['Something else']);
    await menu.getByRole('textbox').fill('nonsense');
    await menu.getByRole('textbox').press('Enter');
    await page.getByText('"nonsense" is no tag').waitFor();
    await page.keyboard.press('Escape');

    await page.goto(new URL('/', page.url()).href);
    await rowOf(page, 'Import of May').getByRole('link', { name: 'Import of May' }).click();
    const facts = page.locator('.facts');
    await facts.getByRole('link', { name: 'region:eu-central' }).waitFor();
    assert.is(await facts.locator('.tags .tag').count(), 5);
    for (const width of [380, 1400]) {
      await page.setViewportSize({ width, height: 900 });
      await expectNoOverflow(page, `a task with tags, ${width} px`);
      await expectAccessible(page, `a task with tags, ${width} px`);
      await screenshot(page, `tags-task-${width}`);
    }
    await facts.getByRole('link', { name: 'order:17' }).click();
    await shows(['Import of May']);

    await page.getByRole('button', { name: 'Schedule a task' }).click();
    const form = page.getByRole('dialog', { name: 'Schedule a task' });
    await form.getByLabel('Type').fill('page.quick');
    await form.getByLabel('Tags').fill('acme');
    await form.getByRole('button', { name: 'Schedule', exact: true }).click();
    await form.getByText('"acme" is no tag').waitFor();
    await form.getByLabel('Name').fill('From the form');
    await form.getByLabel('Tags').fill('tenant=form, order=17');
    await form.getByRole('button', { name: 'Schedule', exact: true }).click();
    await waitForRow(page, 'From the form', 'Success');
    const shown = await rowOf(page, 'From the form').locator('.tags .tag').allInnerTexts();
    assert.equal(shown, ['tenant:form', 'order:17']);
  },
  { limitMs: 90_000 },
);

test.run();
