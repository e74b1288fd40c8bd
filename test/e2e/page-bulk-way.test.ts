// limit: 180s
// B1 on the page: an operation on its way, behind a lost answer, a dead gateway, a closed dialog; and stopped.
import type { TaskDocument } from '@baton/protocols';
import * as assert from 'uvu/assert';
import type { Locator } from 'playwright-core';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { quick, running } from '../support/fixture-page-tasks.ts';
import { choose, countsIn, hasFocus, MENU, operations } from '../support/page-bulk.ts';
import { expectAccessible, startPage, waitForDocuments } from '../support/page-fixture.ts';
import { waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('bulk operations on their way, on the page');
const LIMIT = { limitMs: 90_000 };

test(
  'B1 an operation that goes on: without its dialog, without an answer, without its gateway; and stopped',
  async (context) => {
    const fixture = await startPage(context);
    const { system, gateway, open } = fixture;
    const { baton } = system;
    const root = baton.as({ id: 'admin', admin: true });
    await baton.within(async () => {
      for (let n = 1; n <= 3; n++) await running.with({ taskName: `Waits ${n}`, delay: '1h' }).schedule([n, 9]);
    });
    await waitForDocuments(system, 3);
    const page = await open('alice', '/?text=waits');
    await waitForRow(page, 'Waits 3', 'Pending');
    const CANCEL = [/^Cancel/, 'Cancel all that match'] as const;
    const confirm = (dialog: Locator) => dialog.getByRole('button', { name: 'Cancel 3 tasks' }).click();

    // Stopped before it has begun.
    let dialog = await choose(page, ...CANCEL);
    await dialog.getByText('All 3 tasks that match will be cancelled.').waitFor();
    await root.queues.pause('baton');
    await confirm(dialog);
    await dialog.getByText('Waiting to begin…').waitFor();
    assert.is(await page.evaluate<string>('document.activeElement.getAttribute("role")'), 'status');
    await expectAccessible(page, 'an operation that waits');
    await screenshot(page, 'bulk-waiting');
    await dialog.getByRole('button', { name: 'Stop' }).click();
    await dialog.getByText('Stopped. Nothing was done.').waitFor();
    assert.is(await dialog.getByRole('button', { name: 'Stop' }).count(), 0);
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await dialog.waitFor({ state: 'detached' });
    await waitForRow(page, 'Waits 3', 'Pending');
    await hasFocus(page, MENU);

    // A count that nobody waits for any more is stopped.
    dialog = await choose(page, ...CANCEL);
    await dialog.getByText('Counting what matches…').waitFor();
    await page.keyboard.press('Escape');
    const tasks = system.mongo.db.collection<TaskDocument>('tasks');
    await eventually(async () =>
      assert.equal(
        (await tasks.find({ task_type: 'baton.bulk', args: /"dry_run":true/ }, { sort: { _id: 1 } }).toArray()).map(
          ({ status }) => status,
        ),
        ['success', 'aborted'],
      ),
    );
    await root.queues.resume('baton');

    // The answer is lost: asked again it is the same one. Then the gateway dies, and the next one goes on.
    dialog = await choose(page, ...CANCEL);
    await dialog.getByText('All 3 tasks that match will be cancelled.').waitFor();
    await root.queues.pause('baton');
    const before = (await operations(fixture)).length;
    await page.route('**/api/v1/task/bulk', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await confirm(dialog);
    await dialog.getByText('No answer came.').waitFor();
    await dialog.getByText(/Asked again it is the same operation: nothing is done twice/).waitFor();
    await expectAccessible(page, 'an operation without an answer');
    await screenshot(page, 'bulk-unanswered');
    await page.unroute('**/api/v1/task/bulk');
    await dialog.getByRole('button', { name: 'Ask again' }).click();
    await dialog.getByText('Waiting to begin…').waitFor();
    await gateway.kill();
    await dialog.getByText('The connection is lost. It goes on all the same; what you see here may be old.').waitFor();
    await expectAccessible(page, 'an operation behind a lost connection');
    await screenshot(page, 'bulk-offline');
    await gateway.start();
    await root.queues.resume('baton');
    await dialog.getByText('3 tasks cancelled.').waitFor({ timeout: 30_000 });
    // It has waited for the documents of all that was made before it began.
    assert.is((await operations(fixture)).length, before + 1, 'one, asked for twice');
    assert.is(await dialog.getByText('The connection is lost').count(), 0);
    await page.keyboard.press('Escape');
    await waitForRow(page, 'Waits 1', 'Aborted');

    // What is typed counts at once for whoever goes on from there.
    assert.is(await page.evaluate<string>(TYPE_AND_LEAVE), '?text=waits+2');
    await page.goto(page.url().replace(/\?.*/, '?text=waits'));

    // Retried, and its dialog closed meanwhile: how it ends is told all the same.
    await root.queues.pause('baton');
    dialog = await choose(page, /^Retry/, 'Retry all that match');
    await dialog.getByText('Counting what matches…').waitFor();
    await root.queues.resume('baton');
    await dialog.getByText('No task matches.').waitFor();
    assert.is(await dialog.getByRole('button', { name: /^Retry/ }).count(), 0, 'nothing to confirm');
    await dialog.getByText('what failed; filter by another state to retry that').waitFor();
    await page.keyboard.press('Escape');
    await page.goto(page.url().replace('?', '?status=aborted&'));
    await waitForRow(page, 'Waits 1', 'Aborted');
    dialog = await choose(page, /^Retry/, 'Retry all that match');
    await dialog.getByText('All 3 tasks that match will run again.').waitFor();
    await root.queues.pause('baton');
    await dialog.getByRole('button', { name: 'Retry 3 tasks' }).click();
    await dialog.getByText('Waiting to begin…').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.toasts').getByText('Retrying… It goes on, and tells when it has ended.').waitFor();
    await root.queues.resume('baton');
    await page.locator('.toasts').getByText('Retry all that match: 3 tasks started again.').waitFor();
  },
  LIMIT,
);

/** All within a moment that is shorter than the breath the list waits for. */
const TYPE_AND_LEAVE = `(async () => {
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  const field = document.querySelector('input[type=search]');
  field.focus();
  field.value = 'waits 2';
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  await turn();
  field.blur();
  await turn();
  return location.search;
})()`;

const MANY = 1_500;

test(
  'B1 stopped in the middle: how far it came is told; the bar and the numbers move meanwhile',
  async (context) => {
    const fixture = await startPage(context);
    const { system, open } = fixture;
    await system.baton.within(async () => {
      const waits = quick.with({ taskName: 'One of many', delay: '1h' });
      for (let n = 0; n < MANY; n += 100)
        await Promise.all(Array.from({ length: 100 }, (_, i) => waits.schedule(n + i)));
    });
    await waitForDocuments(system, MANY);
    const page = await open('alice', '/?type=page.quick');
    await waitForRow(page, 'One of many', 'Pending');
    const dialog = await choose(page, /^Cancel/, 'Cancel all that match');
    await dialog.getByText('All 1,500 tasks that match will be cancelled.').waitFor({ timeout: 30_000 });
    // At the first number: a hand from outside may come too late.
    await page.evaluate(`new MutationObserver((_, observer) => {
      const run = document.querySelector('.bulk-run[aria-label=Operation]');
      const done = run?.querySelector('.bulk-counts .done strong');
      const stop = run?.querySelector('.bulk-task button');
      if (!/^[1-9]/.test(done?.textContent ?? '') || !stop || !run.querySelector('[role=progressbar]')) return;
      observer.disconnect();
      window.seen = run.innerText;
      stop.click();
    }).observe(document.querySelector('dialog'), { subtree: true, childList: true, characterData: true })`);
    await dialog.getByRole('button', { name: 'Cancel 1,500 tasks' }).click();
    await dialog.getByText(/^Stopped\. [\d,]+ tasks cancelled\.$/).waitFor();
    assert.match(String(await page.evaluate('window.seen')), /Cancelling…[\s\S]* of 1,500\s+\(\d+%\)/);
    const [line] = await countsIn(dialog);
    const told = Number(line?.split(' ')[0]?.replaceAll(',', ''));
    const tasks = system.mongo.db.collection<TaskDocument>('tasks');
    await eventually(async () =>
      assert.is(await tasks.countDocuments({ task_type: 'page.quick', status: 'aborted' }), told),
    );
    assert.ok(told > 0 && told < MANY, String(told));
    await screenshot(page, 'bulk-stopped');
  },
  LIMIT,
);

test.run();
