// limit: 180s
// B1 on the page: one operation on all tasks of a list that is narrowed. Counted first, then asked, then done, and told.
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { fails, quick, running, shared, stubborn } from '../support/fixture-page-tasks.ts';
import { choose, countsIn, focused, hasFocus, look, MENU, openMenu, operations } from '../support/page-bulk.ts';
import { expectAccessible, startPage, waitForDocuments } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('bulk operations on the page');
const LIMIT = { limitMs: 90_000 };

test(
  'B1 cancels all that match the filters: counted, confirmed once however often it is pressed, told, and a task of its own',
  async (context) => {
    const fixture = await startPage(context);
    const { system, open } = fixture;
    const { baton } = system;
    const tags = { batch: 7 };
    const bob = baton.as({ id: 'bob' });
    await baton.within(async () => {
      for (let n = 1; n <= 5; n++)
        await running.with({ taskName: `Invoice ${n} of May`, delay: '1h', tags }).schedule([n, 9]);
      await running.with({ taskName: 'Of another batch', delay: '1h', tags: { batch: 8 } }).schedule([1, 1]);
      await shared.with({ taskName: 'Everybody’s report', taskKey: 'all', delay: '1h', tags }).schedule([1, 1]);
      await stubborn.with({ taskName: 'Stubborn', tags }).schedule();
      await quick.with({ taskName: 'Has ended', tags }).schedule(1);
    });
    await bob.within(() => shared.with({ taskKey: 'all' }).schedule([1, 1]));
    await waitForDocuments(system, 9);
    const page = await open('alice', '/', { viewport: { width: 1400, height: 900 } });
    await waitForRow(page, 'Has ended', 'Success');
    await waitForRow(page, 'Stubborn', 'In Progress');
    assert.is(await page.getByRole('button', { name: MENU }).count(), 0, 'without a filter');

    await rowOf(page, 'Has ended').getByRole('link', { name: 'batch:7' }).click();
    const menu = await openMenu(page);
    assert.equal(await menu.getByRole('menuitem').allInnerTexts(), ['Cancel…', 'Retry…', 'Change priority…']);
    await page.keyboard.press('Escape');
    // It stands where its button was: opened anew for each size.
    await look(page, 'menu', async () => void (await openMenu(page)));
    await page.keyboard.press('Escape');
    // By keys alone: into the menu, to the second and back, and what is chosen gets the focus.
    await eventually(async () => {
      // The browser may still tell of the last width, which closes what is open.
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: MENU }).focus();
      await page.keyboard.press('Enter');
      assert.is(await focused(page), 'Cancel…');
    });
    await page.keyboard.press('ArrowDown');
    await hasFocus(page, 'Retry…');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Cancel all that match' });
    await dialog.getByRole('status').getByText('6 of the 7 tasks that match will be cancelled or left.').waitFor();
    assert.equal(await dialog.locator('.bulk-filters').innerText(), FILTERS);
    assert.equal(await countsIn(dialog), [
      '5 will be cancelled',
      '1 you will only leave: others wait for it, too',
      '1 will not: running without an abort handler',
    ]);
    assert.is(await dialog.getByRole('checkbox').count(), 0, 'force is for admins');
    await look(page, 'counted');
    assert.equal(await operations(fixture), []);

    // The focus stays in the dialog.
    for (let n = 0; n < 6; n++) {
      await page.keyboard.press('Tab');
      const isInside = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null";
      assert.ok(await page.evaluate<boolean>(isInside), 'or on its way through the browser itself');
    }
    await dialog.getByRole('button', { name: 'Cancel 5 tasks and leave 1' }).dblclick();
    await dialog.getByRole('status').getByText('5 tasks cancelled.').waitFor();
    assert.equal(await countsIn(dialog), [
      '5 cancelled',
      '1 left: others wait for it, too',
      '1 not: running without an abort handler',
    ]);
    await look(page, 'done');
    const [operation, ...others] = await operations(fixture);
    assert.equal(others, [], 'one, for two clicks');
    await dialog.getByRole('link', { name: 'Its task' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.is(new URL(page.url()).pathname, `/task/${operation?._id}`);

    const panel = page.getByRole('region', { name: 'Operation' });
    await panel.getByText('5 tasks cancelled.').waitFor();
    assert.match(await panel.innerText(), /Tag\s+batch:7/);
    assert.match(await panel.innerText(), /Tasks\s+that its user may see/);
    assert.is((await countsIn(panel)).length, 3);
    assert.is(await page.getByRole('button', { name: 'Retry' }).count(), 0);
    assert.is(await page.getByRole('region', { name: 'Result' }).count(), 0, 'not a second time, raw');
    await look(page, 'task');
    await page.keyboard.press('Escape');
    await waitForRow(page, 'Invoice 3 of May', 'Aborted');
    await waitForRow(page, 'Stubborn', 'In Progress');
    assert.is(await rowOf(page, 'Everybody’s report').count(), 0, 'left, and seen no more');
    await page.goto(page.url().replace(/\?.*/, '?type=baton.bulk'));
    await page.getByRole('link', { name: /^Dry run: Cancel tasks/ }).click();
    await panel.getByText('Dry run', { exact: true }).waitFor();
    await panel.getByText('6 of the 7 tasks that match will be cancelled or left.').waitFor();
  },
  LIMIT,
);

const FILTERS = 'Status\nPending or In Progress (what has not ended)\nTag\nbatch:7';

test(
  'B1 an admin forces, and deletes what has ended; a priority is changed, of many and of one; refusals are told in words',
  async (context) => {
    const fixture = await startPage(context);
    const { system, open } = fixture;
    const { baton } = system;
    const report = shared.with({ taskName: 'Report of all', taskKey: 'all', delay: '1h' });
    for (const id of ['alice', 'bob']) await baton.as({ id }).within(() => report.schedule([1, 1]));
    await baton.within(async () => {
      await running.with({ taskName: 'Only mine', delay: '1h' }).schedule([1, 1]);
      for (let n = 1; n <= 2; n++) await fails.with({ taskName: `Broken ${n}` }).schedule('no header');
    });
    await waitForDocuments(system, 4);
    const alice = await open('alice', '/?type=page.shared&type=page.running');
    await waitForRow(alice, 'Only mine', 'Pending');
    let dialog = await choose(alice, /^Change priority/, 'Change the priority of all that match');
    await dialog.getByText('1 of the 2 tasks that match will change.').waitFor();
    assert.is((await countsIn(dialog))[1], PRIORITY_DENIED);
    await dialog.getByRole('radio', { name: 'Low' }).check();
    await look(alice, 'priority');
    await dialog.getByRole('button', { name: 'Change the priority of 1 task' }).click();
    await dialog.getByText('The priority of 1 task is changed.').waitFor();
    await alice.keyboard.press('Escape');

    await alice.getByRole('link', { name: 'Only mine' }).click();
    await alice.getByRole('button', { name: 'Priority: Low' }).click();
    await expectAccessible(alice, 'the menu of priorities');
    await alice.getByRole('menuitemradio', { name: 'High' }).click();
    await alice.locator('.toasts').getByText('Only mine has high priority now').waitFor();
    await alice.getByRole('button', { name: 'Priority: High' }).waitFor();
    await screenshot(alice, 'bulk-priority-of-one');
    await alice.goBack();
    await alice.getByRole('link', { name: 'Report of all' }).click();
    await alice.getByRole('button', { name: 'Priority: Normal' }).click();
    await alice.getByRole('menuitemradio', { name: 'High' }).click();
    await alice
      .locator('.toasts')
      .getByText(/The priority of Report of all was not changed: others wait for this task, too/)
      .waitFor();
    await alice.getByRole('button', { name: 'Priority: Normal' }).waitFor();

    // What the server refuses is said as it says it.
    await alice.goto(alice.url().replace(/\/task\/.*/, `/?type=${encodeURIComponent('no type,')}`));
    dialog = await choose(alice, /^Cancel/, 'Cancel all that match');
    await dialog.getByText('It cannot be counted.').waitFor();
    await dialog
      .getByRole('alert')
      .getByText(/filter\.type/)
      .waitFor();
    await expectAccessible(alice, 'a refusal');
    await screenshot(alice, 'bulk-refused');
    await alice.keyboard.press('Escape');

    const admin = await open('admin', '/?type=page.shared');
    await waitForRow(admin, 'Report of all', 'Pending');
    dialog = await choose(admin, /^Cancel/, 'Cancel all that match');
    await dialog.getByText('of all users, as you are an admin').waitFor();
    await dialog.getByText('The one task that matches cannot be cancelled.').waitFor();
    assert.is(await dialog.getByRole('button', { name: /^Cancel/ }).count(), 0);
    await dialog.getByRole('checkbox', { name: /Force/ }).check();
    await dialog.getByText('The one task that matches will be cancelled.').waitFor();
    await look(admin, 'force');
    await dialog.getByRole('button', { name: 'Cancel 1 task' }).click();
    await dialog.getByText('1 task cancelled.').waitFor();
    await admin.keyboard.press('Escape');
    await waitForRow(admin, 'Report of all', 'Aborted');

    await admin.goto(admin.url().replace(/\?.*/, '?type=page.fails&status=pending'));
    const menu = await openMenu(admin);
    const idle = menu.getByRole('menuitem', { name: /^Delete/ });
    assert.is(await idle.getAttribute('aria-disabled'), 'true');
    await idle.getByText('Nothing here: only what has ended can be deleted').waitFor();
    await expectAccessible(admin, 'a menu with what has nothing to do');
    await screenshot(admin, 'bulk-menu-idle');
    await admin.goto(admin.url().replace('&status=pending', ''));
    await waitForRow(admin, 'Broken 2', 'Failed');
    dialog = await choose(admin, /^Delete/, 'Delete all that match');
    await dialog.getByText('All 2 tasks that match will be deleted.').waitFor();
    await dialog.getByRole('button', { name: 'Delete 2 tasks' }).click();
    await dialog.getByText('2 tasks deleted.').waitFor();
    await admin.keyboard.press('Escape');
    await admin.getByText('No task fits the filter').waitFor();
  },
  LIMIT,
);

const PRIORITY_DENIED = '1 will not: others wait for it, too, and only an admin may change its priority';

test.run();
