// limit: 180s
// The list in windows of every width: what people need to read has its room, and the keyboard stays where it was.
import * as assert from 'uvu/assert';
import type { Page } from 'playwright-core';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { fails, quick, running, shared } from '../support/fixture-page-tasks.ts';
import {
  expectAccessible,
  expectNoOverflow,
  startPage,
  waitForDocuments,
  type PageFixture,
} from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('layout of the page');
const LIMIT = { limitMs: 90_000 };

const SIZES = [
  { width: 360, height: 780, names: 150, rows: 4 },
  { width: 768, height: 1024, names: 150, rows: 12 },
  { width: 1024, height: 768, names: 200, rows: 8 },
  { width: 1440, height: 900, names: 250, rows: 10 },
] as const;

const TASKS = 14;

const fill = async ({ system }: PageFixture): Promise<void> => {
  const { baton } = system;
  await baton.within(() => quick.with({ taskName: 'Nightly revenue report' }).schedule({ rows: 3 }));
  await baton.within(() => fails.with({ taskName: 'Import customers' }).schedule('the file has no header'));
  const report = shared.with({ taskKey: 'report_123_of_the_whole_year', taskName: 'Report 123' });
  await baton.within(() => report.schedule([123_456, 1_000_000]));
  for (let n = 4; n <= TASKS; n++) {
    const taskName = `Preparation of export number ${n}`;
    await baton.within(() => running.with({ taskName, taskKey: `export/${n}` }).schedule([n, 40]));
  }
  await waitForDocuments(system, TASKS);
};

type Seen = { readonly name: number; readonly rows: number; readonly cut: readonly string[] };

/** Width of the narrowest name's room, rows that are whole in the window, and what reaches out of its cell or is cut. */
const LOOK = `(() => {
  const rows = [...document.querySelectorAll('tbody tr[data-uuid]')];
  const cut = [];
  for (const row of rows) {
    for (const cell of row.children) {
      const room = cell.getBoundingClientRect();
      if (room.width === 0) continue;
      for (const part of cell.querySelectorAll('.status-line, .under, .progress, .slots, .signs, time, .name')) {
        const at = part.getBoundingClientRect();
        if (at.right > room.right + 1 || at.left < room.left - 1) cut.push(cell.className + ': ' + part.textContent);
      }
      for (const share of cell.querySelectorAll('.amount > :last-child')) {
        const words = share.closest('.words').getBoundingClientRect();
        const at = share.getBoundingClientRect();
        if (at.right > words.right + 1 || share.scrollWidth > share.clientWidth + 1) cut.push('share: ' + share.textContent);
      }
    }
  }
  const whole = rows.filter((row) => row.getBoundingClientRect().bottom <= innerHeight);
  return { name: Math.min(...rows.map((row) => row.querySelector('.cell-task').clientWidth)), rows: whole.length, cut };
})()`;

test(
  'from 360 px up, in light and dark: names have their room, nothing lies over another, no share is cut, enough rows',
  async (context) => {
    const fixture = await startPage(context);
    await fill(fixture);
    const page = await fixture.open('alice');
    await waitForRow(page, 'Report 123', 'In Progress', '123,456 of 1,000,000 (12%)');
    await eventually(async () => assert.is(await page.locator('.amount > :nth-child(2)').count(), TASKS - 2));
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const { width, height, names, rows } of SIZES) {
        await page.setViewportSize({ width, height });
        await expectNoOverflow(page, `${width} px`);
        await screenshot(page, `layout-${width}-${colorScheme}`);
        const seen = await page.evaluate<Seen>(LOOK);
        const words = `${width} px: ${JSON.stringify(seen)}`;
        assert.equal(seen.cut, [], words);
        assert.ok(seen.name >= names, words);
        assert.ok(seen.rows >= rows, words);
        await expectAccessible(page, `the list, ${width} px, ${colorScheme}`);
      }
    }
  },
  LIMIT,
);

const focusedRow = (page: Page) =>
  page.evaluate<string>("document.activeElement?.closest('tr')?.querySelector('.name')?.textContent ?? ''");

test(
  'the focus comes back to the row: from its task, by Esc and by the back button, and after a cancel',
  async (context) => {
    const { system, open } = await startPage(context);
    for (const taskName of ['Third', 'Second', 'First']) {
      await system.baton.within(() => running.with({ taskName }).schedule([1, 2]));
    }
    await waitForDocuments(system, 3);
    const page = await open('alice');
    await waitForRow(page, 'Second', 'In Progress');
    for (const back of [() => page.keyboard.press('Escape'), () => page.goBack()]) {
      await page.getByRole('link', { name: 'Second' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Second' }).waitFor();
      await back();
      await eventually(async () => assert.is(await focusedRow(page), 'Second'));
    }
    await page.keyboard.press('j');
    assert.is(await focusedRow(page), 'Third', 'and the keys go on from there');
    const dialog = page.getByRole('dialog', { name: 'Cancel Task' });
    await page.keyboard.press('c');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await eventually(async () => assert.is(await focusedRow(page), 'Third'));
    await rowOf(page, 'Third').getByRole('button', { name: 'Cancel Third', exact: true }).focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await page.keyboard.press('Enter');
    await waitForRow(page, 'Third', 'Aborted');
    await eventually(async () => assert.is(await focusedRow(page), 'Third', 'its button is gone'));
  },
  LIMIT,
);

test.run();
