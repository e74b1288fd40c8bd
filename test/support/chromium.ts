import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureChromium } from '@baton/local';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import type { TestContext } from './test-body.ts';

/** Pictures of what tests have seen: kept for people to look at, not compared. */
const SCREENS = 'test/results/screens';

/** A browser for one test. It is closed with all its pages when the test is over. */
export const startChromium = async ({ defer }: Pick<TestContext, 'defer'>): Promise<Browser> => {
  const found = await ensureChromium();
  const browser = await chromium.launch({
    executablePath: found.path,
    env: { ...definedOf(process.env), ...found.env },
    // Root may not use the sandbox, and a container has a small /dev/shm; the page under test is our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-color-profile=srgb'],
    timeout: 30_000,
  });
  defer(() => browser.close());
  return browser;
};

const definedOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** What a page must never do: a fault, a blocked resource, a request to somebody else. */
export type PageFaults = readonly string[];

/** A page that notes its own faults; a person's window of its own, with cookies of its own. */
export const openPage = async (
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly faults: PageFaults }> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(40_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // The browser reports every refused request itself; the page shows those to people.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      faults.push(`console: ${message.text()}`);
    }
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, faults };
};

export const screenshot = async (page: Page, name: string): Promise<void> => {
  mkdirSync(SCREENS, { recursive: true });
  await page.screenshot({ path: join(SCREENS, `${name}.png`), animations: 'disabled' });
};
