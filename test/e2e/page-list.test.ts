// limit: 300s
// The task list as people see it: real services, a real browser.
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { counts, fails, quick, running, shared, stubborn } from '../support/fixture-page-tasks.ts';
import { expectAccessible, expectNoOverflow, startPage, waitForDocuments } from '../support/page-fixture.ts';
import { texts, rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

/** Known here and to no worker. */
const unserved = task({ name: 'nobody.serves_this' }, () => undefined);

const test = suite('task list page');
const LIMIT = { limitMs: 60_000 };

const WIDTHS = [
  { width: 360, height: 780 },
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

test(
  'the columns, the words and the signs of every kind of task; in light and dark, narrow and wide; nothing for axe',
  async (context) => {
    const { system, open } = await startPage(context);
    const alice = system.baton;
    const bob = alice.as({ id: 'bob' });
    await alice.within(() => quick.with({ taskName: 'Nightly revenue report' }).schedule({ rows: 3 }));
    await alice.within(() => fails.with({ taskName: 'Import customers' }).schedule('the file has no header'));
    const report = shared.with({ taskKey: 'report_123', taskName: 'Report 123' });
    await alice.within(() => report.schedule([34, 100], { last: 'orders-034.csv' }));
    await bob.within(() => report.schedule([34, 100]));
    await alice.within(() =>
      running.with({ taskName: 'A name that is longer than thirty characters are' }).schedule([0, 0]),
    );
    await alice.within(() => counts.with({ taskName: 'Counting rows' }).schedule(42));
    await alice.within(() => stubborn.with({ taskName: 'Stubborn', timeout: '200ms' }).schedule());

    await waitForDocuments(system, 6);
    const page = await open('alice');
    await waitForRow(page, 'Report 123', 'In Progress', /34 of 100 \(34%\)/, 'ETA: ', 'page.shared', 'shared');
    assert.equal(await texts(page, 'thead th'), [
      'Task',
      'Status',
      'Type',
      'Scope',
      'Subscribers',
      'Created',
      'Duration',
      'Details',
      'Actions',
    ]);
    await waitForRow(page, 'Counting rows', 'In Progress', '42 processed');
    await waitForRow(page, 'A name that is longer than th…', 'In Progress', /0 of 0(?! \()/);
    await waitForRow(page, 'Import customers', 'Failed', 'attempt 2');
    await waitForRow(page, 'Nightly revenue report', 'Success');
    await rowOf(page, 'Report 123').getByLabel('2 subscribers: alice, bob').waitFor();

    // T3: the timeout that changes nothing is shown, and the cancel that cannot be says why (A3).
    const warning = rowOf(page, 'Stubborn').getByRole('button', { name: /^Warning for Stubborn/ });
    await warning.click();
    await page.getByText('no abort handler defined. Task will continue running past the timeout').waitFor();
    await page.keyboard.press('Escape');
    const stop = rowOf(page, 'Stubborn').locator('.cell-actions button');
    assert.is(await stop.getAttribute('aria-disabled'), 'true');
    assert.match(
      (await stop.getAttribute('aria-label')) ?? '',
      /Cancellation not available due to missing abort handler/,
    );

    await rowOf(page, 'Import customers')
      .getByRole('button', { name: /^Error of/ })
      .click();
    await page.getByText('the file has no header').waitFor();
    await screenshot(page, 'list-error-popover');
    await page.keyboard.press('Escape');
    await rowOf(page, 'Report 123')
      .getByRole('button', { name: /^Payload of/ })
      .click();
    await page.getByText('orders-034.csv').waitFor();
    await page.keyboard.press('Escape');

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const size of WIDTHS) {
        await page.setViewportSize(size);
        await screenshot(page, `list-${size.width}-${colorScheme}`);
        await expectNoOverflow(page, `${size.width} px`);
        await expectAccessible(page, `the list, ${size.width} px, ${colorScheme}`);
      }
    }
  },
  LIMIT,
);

test(
  'live: progress and the end arrive without a reload, new tasks wait behind a pill, X5 a type that nobody serves says so',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    const page = await open('alice');
    await page.getByText('No tasks yet').waitFor();
    await expectAccessible(page, 'the empty list');
    await screenshot(page, 'list-empty');

    const first = await baton.within(() => running.with({ taskName: 'First' }).schedule([1, 4]));
    await waitForRow(page, 'First', 'In Progress', '1 of 4 (25%)');
    await baton.within(() => unserved.with({ taskName: 'Forlorn' }).schedule());
    await page.getByRole('button', { name: '1 new' }).click();
    await waitForRow(page, 'Forlorn', 'Pending');
    await eventually(
      () =>
        rowOf(page, 'Forlorn')
          .getByRole('button', { name: /No worker serves nobody\.serves_this/ })
          .waitFor({ timeout: 500 }),
      { limitMs: 8_000 },
    );

    await first.cancel();
    await waitForRow(page, 'First', 'Aborted');
    await rowOf(page, 'First').getByRole('button', { name: 'Retry First' }).waitFor();
  },
  LIMIT,
);

test(
  'filters, search, sort and pages; the address holds them and the back button works',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    for (let n = 1; n <= 30; n++)
      await baton.within(() => quick.with({ taskName: `Report ${n}`, taskKey: `r${n}` }).schedule(n));
    await baton.within(() => running.with({ taskName: 'Still running' }).schedule([1, 2]));
    await eventually(
      async () => assert.is(await system.mongo.db.collection('tasks').countDocuments({ status: 'success' }), 30),
      { limitMs: 20_000 },
    );

    const page = await open('alice');
    await page.getByText('31', { exact: true }).waitFor();
    const names = () => texts(page, 'tbody .name');
    await eventually(async () => assert.is((await names()).length, 25));
    assert.is((await names())[0], 'Still running');
    await page.getByRole('button', { name: 'Next' }).click();
    await eventually(async () =>
      assert.equal(await names(), ['Report 6', 'Report 5', 'Report 4', 'Report 3', 'Report 2', 'Report 1']),
    );

    // A new task does not shift the page somebody reads.
    await baton.within(() => quick.with({ taskName: 'Latecomer' }).schedule(0));
    await page.getByRole('button', { name: '1 new' }).waitFor();
    assert.is((await names())[0], 'Report 6');
    await page.getByRole('button', { name: 'Previous' }).click();
    await eventually(async () => assert.is((await names()).length, 25));

    await page.getByRole('search').getByRole('button', { name: 'Status' }).click();
    await page.getByRole('checkbox', { name: 'In Progress' }).click();
    await page.keyboard.press('Escape');
    await eventually(async () => assert.equal(await names(), ['Still running']));
    assert.match(page.url(), /\?status=in_progress$/);

    await page.keyboard.press('/');
    await page.keyboard.type('nothing like it');
    await page.getByText('No task fits the filter').waitFor();
    await screenshot(page, 'list-nothing-fits');
    await expectAccessible(page, 'the list when nothing fits');
    await page.getByRole('button', { name: 'Clear filters' }).last().click();
    await eventually(async () => assert.is((await names()).length, 25));
    await page.goBack();
    await eventually(() => assert.match(page.url(), /text=nothing/));

    await page.goto(page.url().replace(/\?.*/, '?text=report+2&order_by=created_on&order_direction=asc'));
    await eventually(async () => assert.equal((await names()).slice(0, 3), ['Report 2', 'Report 20', 'Report 21']));
    await page.getByRole('columnheader', { name: 'Created' }).getByRole('button').click();
    await eventually(async () => assert.is((await names())[0], 'Report 29'));
  },
  LIMIT,
);

test(
  'by keyboard alone: rows, dialogs, layers, shortcuts',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    for (const name of ['Third', 'Second', 'First'])
      await baton.within(() => running.with({ taskName: name }).schedule([1, 2]));
    await waitForDocuments(system, 3);
    const page = await open('alice');
    await waitForRow(page, 'First', 'In Progress');
    const focused = () => page.evaluate<string>('document.activeElement.textContent');

    await page.keyboard.press('j');
    assert.is(await focused(), 'First');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    assert.is(await focused(), 'Second');
    await page.keyboard.press('c');
    const dialog = page.getByRole('dialog', { name: 'Cancel Task' });
    await dialog.getByText('This will cancel the task.').waitFor();
    for (let n = 0; n < 8; n++) {
      await page.keyboard.press('Tab');
      assert.ok(
        await page.evaluate<boolean>(
          "document.activeElement === document.body || document.activeElement.closest('dialog') !== null",
        ),
        'the focus left the dialog',
      );
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await eventually(async () => assert.is(await focused(), 'Second', 'the focus goes back to where it came from'));

    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await screenshot(page, 'shortcuts');
    await expectAccessible(page, 'the list of shortcuts');
    await page.keyboard.press('Escape');

    await page.getByRole('search').getByRole('button', { name: 'Status' }).focus();
    await page.keyboard.press('Enter');
    await eventually(async () => assert.is(await focused(), 'Pending'));
    await page.keyboard.press('ArrowDown');
    assert.is(await focused(), 'In Progress');
    await expectAccessible(page, 'an open filter');
    await page.keyboard.press('Escape');
    assert.is(await focused(), 'Status');

    await page.keyboard.press('/');
    await page.keyboard.type('jck?');
    assert.is(await page.getByRole('searchbox').inputValue(), 'jck?', 'what is typed is no shortcut');
    await page.keyboard.press('Escape');
    assert.is(await page.getByRole('searchbox').inputValue(), '');
    await page.keyboard.press('Escape');
    await waitForRow(page, 'First', 'In Progress');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'First' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    await page.keyboard.press('o');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  },
  LIMIT,
);

test.run();
