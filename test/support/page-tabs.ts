import * as assert from 'uvu/assert';
import type { BrowserContext, Page } from 'playwright-core';
import { eventually } from './eventually.ts';
import { running } from './fixture-page-tasks.ts';
import { waitForDocuments, type PageFixture } from './page-fixture.ts';

/** Open streams of events, as a gateway counts them. `token`: of an admin, where that is asked for. */
export const expectStreams = (url: string, count: number, token?: string): Promise<void> =>
  eventually(
    async () => {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
      const open = Number(/event_streams (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN);
      assert.is(open, count, 'open streams');
    },
    { limitMs: 20_000 },
  );

export const isLive = (page: Page): Promise<void> => page.locator('.live-on').waitFor();

/** Tasks that run until they are cancelled, and are in the list. */
export const runNamed = async ({ system }: PageFixture, names: readonly string[]) => {
  const tasks = [];
  for (const taskName of names) {
    tasks.push(await system.baton.within(() => running.with({ taskName }).schedule([1, 4])));
  }
  await waitForDocuments(system, names.length);
  return tasks;
};

/** One more tab of the same browser profile. */
export const tabOf = async (context: BrowserContext, url: string): Promise<Page> => {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(url);
  return page;
};
