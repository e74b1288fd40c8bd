import * as assert from 'uvu/assert';
import type { Locator, Page } from 'playwright-core';
import { eventually } from './eventually.ts';

/** Texts of all elements that fit, in the order of the page. */
export const texts = async (page: Page, selector: string): Promise<readonly string[]> =>
  (await page.locator(selector).allInnerTexts()).map((text) => text.trim());

/** The row of a task, by the name it shows. */
export const rowOf = (page: Page, name: string): Locator =>
  page.locator('tbody tr[data-uuid]').filter({ has: page.getByText(name, { exact: true }) });

/** Waits until a row says all of some words; a status is there before the progress is. */
export const waitForRow = async (page: Page, name: string, ...words: readonly (string | RegExp)[]): Promise<void> =>
  eventually(
    async () => {
      // As it is read: the parts of a line may be boxes of their own.
      const text = (await rowOf(page, name).first().innerText({ timeout: 1_000 })).replaceAll(/\s+/g, ' ');
      for (const word of words) {
        const isSaid = typeof word === 'string' ? text.includes(word) : word.test(text);
        assert.ok(isSaid, `the row of ${name} does not say ${word}: ${text}`);
      }
    },
    { limitMs: 15_000, everyMs: 50 },
  );
