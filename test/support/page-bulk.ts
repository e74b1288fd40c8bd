import type { TaskDocument } from '@baton/protocols';
import * as assert from 'uvu/assert';
import type { Locator, Page } from 'playwright-core';
import { screenshot } from './chromium.ts';
import { eventually } from './eventually.ts';
import { expectAccessible, expectNoOverflow, type PageFixture } from './page-fixture.ts';

/** The button above a list that is narrowed. */
export const MENU = 'All that match…';

export const openMenu = async (page: Page): Promise<Locator> => {
  await page.getByRole('button', { name: MENU }).click();
  return page.getByRole('menu', { name: 'All that match' });
};

export const choose = async (page: Page, operation: RegExp, title: string): Promise<Locator> => {
  await (await openMenu(page)).getByRole('menuitem', { name: operation }).click();
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.waitFor();
  return dialog;
};

export const countsIn = (place: Locator) =>
  place
    .getByRole('list', { name: 'Counts' })
    .getByRole('listitem')
    .evaluateAll((items) => items.map((item) => [...item.children].map((part) => part.textContent).join(' ')));

/** The operations there are, without the counts before them. */
export const operations = ({ system }: PageFixture): Promise<readonly TaskDocument[]> =>
  system.mongo.db
    .collection<TaskDocument>('tasks')
    .find({ task_type: 'baton.bulk', args: { $not: /"dry_run":true/ } })
    .toArray();

/** The words of what has the focus. */
export const focused = (page: Page): Promise<string> => page.evaluate<string>('document.activeElement.textContent');

export const hasFocus = (page: Page, words: string): Promise<void> =>
  eventually(async () => assert.is(await focused(page), words));

/** As people have it: wide and narrow, light and dark. `open`: what does not outlive another width. */
export const look = async (page: Page, name: string, open?: () => Promise<void>): Promise<void> => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of [360, 380, 1400]) {
      await page.setViewportSize({ width, height: 900 });
      if (open !== undefined) await page.keyboard.press('Escape');
      await open?.();
      await expectNoOverflow(page, `${name}, ${width} px`);
      if (width === 360) continue;
      // Each width and each scheme once.
      if ((width === 380) === (colorScheme === 'dark'))
        await expectAccessible(page, `${name}, ${width} px, ${colorScheme}`);
      await screenshot(page, `bulk-${name}-${width}-${colorScheme}`);
    }
  }
};
