// limit: 300s
// Many tabs of one person: they share one stream of events, since HTTP/1.1 gives a browser six connections in all.
import * as assert from 'uvu/assert';
import type { Page } from 'playwright-core';
import { eventually } from '../support/eventually.ts';
import { running, ticks } from '../support/fixture-page-tasks.ts';
import { startPage } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { expectStreams, isLive, runNamed, tabOf } from '../support/page-tabs.ts';
import { suite } from '../support/suite.ts';

const test = suite('tabs of the page');
const LIMIT = { limitMs: 120_000 };
const TABS = 10;

const cancel = async (page: Page, name: string): Promise<void> => {
  await rowOf(page, name)
    .getByRole('button', { name: `Cancel ${name}`, exact: true })
    .click();
  await page.getByRole('dialog', { name: 'Cancel Task' }).getByRole('button', { name: 'Yes, Cancel' }).click();
};

const SHARING = [
  { how: 'by a shared worker', without: '' },
  { how: 'without shared workers, by the page that holds a lock', without: 'delete globalThis.SharedWorker;' },
] as const;

for (const { how, without } of SHARING) {
  test(
    `ten tabs and a page with lists inside, ${how}: one stream, each is live and can cancel; none when all are gone`,
    async (context) => {
      const fixture = await startPage(context);
      const { url, open } = fixture;
      const names = Array.from({ length: TABS + 1 }, (_, n) => `Task ${n + 1}`);
      await runNamed(fixture, names);
      const first = await open('alice', '/icon.svg');
      const profile = first.context();
      if (without !== '') await profile.addInitScript(without);
      const tabs: Page[] = [];
      for (let n = 0; n < TABS; n++) tabs.push(await tabOf(profile, n % 2 === 0 ? url : `${url}/?status=in_progress`));
      const around = await tabOf(profile, `${url}/embed.html`);
      await around.evaluate(
        "document.querySelector('main').append(document.createElement('baton-task-list'), document.createElement('baton-task-list'))",
      );
      for (const tab of tabs) await isLive(tab);
      await eventually(async () => assert.is(await around.locator('.live-on').count(), 3), { limitMs: 15_000 });
      await expectStreams(url, 1);

      for (const [n, tab] of tabs.entries()) await cancel(tab, `Task ${n + 1}`);
      await rowOf(around, 'Task 11').first().getByRole('button', { name: 'Cancel Task 11', exact: true }).click();
      await around.getByRole('button', { name: 'Yes, Cancel' }).click();
      // What one has done all others see.
      for (const name of names) await waitForRow(tabs[0] ?? around, name, 'Aborted');
      await waitForRow(tabs[1] ?? around, 'Task 11', 'Aborted', 'no longer fits the filter');
      await expectStreams(url, 1);

      // The first may have been the one that kept the stream: the others go on.
      await tabs.shift()?.close();
      await fixture.system.baton.within(() => running.with({ taskName: 'Later' }).schedule([1, 4]));
      // Behind its pill, or shown at once where the list was read again.
      for (const tab of tabs) {
        await tab.getByRole('button', { name: '1 new' }).or(rowOf(tab, 'Later')).first().waitFor();
      }
      for (const tab of tabs) await isLive(tab);
      await expectStreams(url, 1);

      for (const tab of tabs) await tab.close();
      await around.evaluate("document.querySelectorAll('baton-task-list').forEach((list) => list.remove())");
      await expectStreams(url, 0);
      const session = await first.context().browser()?.newBrowserCDPSession();
      await eventually(
        async () => {
          const { targetInfos = [] } = (await session?.send('Target.getTargets')) ?? {};
          assert.equal(
            targetInfos.filter(({ type }) => type === 'shared_worker'),
            [],
            'a worker that nobody needs is still there',
          );
        },
        { limitMs: 20_000 },
      );
    },
    LIMIT,
  );
}

test(
  'with neither workers nor locks a page has a stream of its own',
  async (context) => {
    const fixture = await startPage(context);
    await runNamed(fixture, ['Alone']);
    const first = await fixture.open('alice', '/icon.svg');
    await first.context().addInitScript('delete globalThis.SharedWorker; delete Navigator.prototype.locks;');
    const tabs = [await tabOf(first.context(), fixture.url), await tabOf(first.context(), fixture.url)];
    for (const tab of tabs) await isLive(tab);
    await expectStreams(fixture.url, 2);
    for (const tab of tabs) await tab.close();
    await expectStreams(fixture.url, 0);
  },
  LIMIT,
);

test(
  'the view of one task has its live progress by the same stream, in several tabs',
  async (context) => {
    const fixture = await startPage(context);
    const { url, system } = fixture;
    const task = await system.baton.within(() => ticks.with({ taskName: 'Ticks' }).schedule(100_000, 100));
    const first = await fixture.open('alice', `/task/${task.uuid}`);
    const second = await tabOf(first.context(), `${url}/task/${task.uuid}`);
    for (const tab of [first, second]) {
      const bar = tab.getByRole('progressbar', { name: 'Progress of Ticks' });
      const seen = new Set<string>();
      await eventually(async () => {
        seen.add((await bar.getAttribute('aria-valuetext', { timeout: 1_000 })) ?? '');
        assert.ok(seen.size >= 5, [...seen].join());
      });
    }
    await expectStreams(url, 1);
    await task.cancel();
    for (const tab of [first, second]) await tab.getByText('Aborted').first().waitFor();
  },
  LIMIT,
);

test.run();
