// limit: 240s
// Cancel as three people see it: two users and an admin, side by side.
import * as assert from 'uvu/assert';
import type { Page } from 'playwright-core';
import { screenshot } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { ignores, running, shared, stubborn } from '../support/fixture-page-tasks.ts';
import { expectAccessible, startPage, waitForDocuments } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';

const test = suite('cancel on the page');
const LIMIT = { limitMs: 60_000 };

const dialogOf = (page: Page) => page.getByRole('dialog', { name: 'Cancel Task' });

const askToCancel = async (page: Page, name: string, sentence: string): Promise<void> => {
  await rowOf(page, name)
    .getByRole('button', { name: `Cancel ${name}` })
    .click();
  await dialogOf(page).getByText(sentence, { exact: true }).waitFor();
};

const confirm = (page: Page) => dialogOf(page).getByRole('button', { name: 'Yes, Cancel' }).click();

const toast = (page: Page, text: string) => page.locator('.toasts').getByText(text, { exact: true }).waitFor();

test(
  'A1 A2 the owner aborts, waiting or running; A11 the proof is in the detail view; R7 and runs it again',
  async (context) => {
    const { system, open } = await startPage(context);
    const { baton } = system;
    await baton.within(() => running.with({ taskName: 'Works' }).schedule([3, 10]));
    await baton.within(() => running.with({ taskName: 'Waits', delay: '1h' }).schedule([1, 1]));
    await waitForDocuments(system, 2);
    const page = await open('alice');

    await waitForRow(page, 'Works', 'In Progress');
    await askToCancel(page, 'Works', 'This will cancel the task.');
    await expectAccessible(page, 'the cancel dialog');
    await screenshot(page, 'cancel-abort');
    await confirm(page);
    await toast(page, 'Task cancelled: Works');
    await waitForRow(page, 'Works', 'Aborted');

    await waitForRow(page, 'Waits', 'Pending', 'starts in');
    await askToCancel(page, 'Waits', 'This will cancel the task.');
    await confirm(page);
    await waitForRow(page, 'Waits', 'Aborted');
    assert.is(await rowOf(page, 'Waits').getByRole('button', { name: 'Cancel Waits' }).count(), 0);

    await page.getByRole('link', { name: 'Works' }).click();
    const proof = page.getByRole('region', { name: 'Cancel' });
    for (const step of ['Requested', 'Delivered', 'Observed', 'Stopped']) {
      await proof.locator('li.done').filter({ hasText: step }).waitFor();
    }
    assert.match(await proof.innerText(), /by alice/);
    await expectAccessible(page, 'an aborted task');
    await screenshot(page, 'task-aborted');

    const before = page.url();
    await page.getByRole('button', { name: 'Retry' }).click();
    const retry = page.getByRole('dialog', { name: 'Retry Task' });
    await retry.waitFor();
    await expectAccessible(page, 'the retry dialog');
    await retry.getByRole('button', { name: 'Yes, Retry' }).click();
    await toast(page, 'Retried: Works');
    await eventually(() => assert.is.not(page.url(), before));
    await page.getByText('In Progress').first().waitFor();
    assert.is(await page.locator('.facts').getByText('Retry of').count(), 1);
  },
  LIMIT,
);

test(
  'R7 a retry asks first, and its button never stands where the one of the cancel stood',
  async (context) => {
    const { system, open } = await startPage(context);
    const task = await system.baton.within(() => running.with({ taskName: 'Once' }).schedule([1, 2]));
    const page = await open('alice');
    await waitForRow(page, 'Once', 'In Progress');
    const places: Record<string, () => Promise<void>> = {
      list: async () => undefined,
      task: async () => {
        await page.getByRole('link', { name: 'Once' }).click();
        await page.getByRole('heading', { name: 'Once' }).waitFor();
      },
    };
    const stops = [];
    for (const go of Object.values(places)) {
      await go();
      stops.push(await page.getByRole('button', { name: /^Cancel/ }).boundingBox());
    }
    await page.goBack();
    await task.cancel();
    await waitForRow(page, 'Once', 'Aborted');
    const retry = page.getByRole('button', { name: /^Retry/ });
    const dialog = page.getByRole('dialog', { name: 'Retry Task' });
    for (const [n, [name, go]] of Object.entries(places).entries()) {
      await go();
      const [stop, again] = [stops[n], await retry.boundingBox()];
      if (!stop || !again) throw new Error(`no buttons in the ${name}`);
      const apart = again.x >= stop.x + stop.width || stop.x >= again.x + again.width;
      assert.ok(apart, `${name}: ${JSON.stringify([stop, again])}`);
      await page.mouse.click(stop.x + stop.width / 2, stop.y + stop.height / 2);
      assert.is(await page.getByRole('dialog').count(), 0, 'the click that came too late');
      await retry.click();
      await dialog.waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    }
    await page.keyboard.press('r');
    await dialog.getByRole('button', { name: 'Not now' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.is(await system.mongo.db.collection('tasks').countDocuments(), 1, 'nothing was made');
  },
  LIMIT,
);

test(
  'A6 one of two leaves, and sees it no more; the other watches, and aborts what is his alone',
  async (context) => {
    const { system, open } = await startPage(context);
    const report = shared.with({ taskKey: 'report_123', taskName: 'Report 123' });
    await system.baton.within(() => report.schedule([1, 3]));
    await system.baton.as({ id: 'bob' }).within(() => report.schedule([1, 3]));
    const [alice, bob] = [await open('alice'), await open('bob')];
    await waitForRow(alice, 'Report 123', 'In Progress');
    await waitForRow(bob, 'Report 123', 'In Progress');

    const sentence = "You'll be removed from this task. It will continue running for 1 other subscriber.";
    await askToCancel(alice, 'Report 123', sentence);
    assert.is(await dialogOf(alice).getByText('Force').count(), 0, 'alice is no admin');
    await screenshot(alice, 'cancel-unsubscribe');
    await confirm(alice);
    await toast(alice, 'You have been removed from task: Report 123');
    await rowOf(alice, 'Report 123').waitFor({ state: 'detached' });

    await eventually(async () =>
      assert.is(await rowOf(bob, 'Report 123').locator('.faces').getAttribute('aria-label'), '1 subscriber: bob'),
    );
    await askToCancel(bob, 'Report 123', 'This will cancel the task.');
    await confirm(bob);
    await waitForRow(bob, 'Report 123', 'Aborted');
  },
  LIMIT,
);

test(
  'A8 an admin who is not subscribed can only force, for all; who watches sees it end',
  async (context) => {
    const { system, open } = await startPage(context);
    const report = shared.with({ taskKey: 'report_123', taskName: 'Report 123' });
    await system.baton.within(() => report.schedule([1, 3]));
    await system.baton.as({ id: 'bob' }).within(() => report.schedule([1, 3]));
    const [alice, admin] = [await open('alice'), await open('admin')];
    await waitForRow(alice, 'Report 123', 'In Progress');
    await waitForRow(admin, 'Report 123', 'In Progress');

    await askToCancel(admin, 'Report 123', 'This will abort (stop) the task for all 2 subscribers.');
    const force = dialogOf(admin).getByRole('checkbox', { name: /Force/ });
    assert.ok(await force.isChecked());
    assert.ok(await force.isDisabled());
    await expectAccessible(admin, 'the cancel dialog of an admin');
    await screenshot(admin, 'cancel-force');
    await confirm(admin);
    await toast(admin, 'Task cancelled: Report 123');
    for (const page of [admin, alice]) await waitForRow(page, 'Report 123', 'Aborted');

    // Subscribed himself, he may choose.
    const own = shared.with({ taskKey: 'report_124', taskName: 'Report 124' });
    for (const user of [{ id: 'admin', admin: true }, { id: 'alice' }]) {
      await system.baton.as(user).within(() => own.schedule([1, 3]));
    }
    await admin.getByRole('button', { name: '1 new' }).click();
    await waitForRow(admin, 'Report 124', 'In Progress');
    await askToCancel(
      admin,
      'Report 124',
      "You'll be removed from this task. It will continue running for 1 other subscriber.",
    );
    await dialogOf(admin).getByRole('checkbox', { name: /Force/ }).check();
    await dialogOf(admin).getByText('This will abort (stop) the task for all 2 subscribers.').waitFor();
    await confirm(admin);
    await waitForRow(admin, 'Report 124', 'Aborted');
  },
  LIMIT,
);

test(
  'A3 what has no abort handler keeps its button, disabled, with the reason for eyes and ears; also for an admin',
  async (context) => {
    const { system, open } = await startPage(context);
    await system.baton.within(() => stubborn.with({ taskName: 'Stubborn' }).schedule());
    const reason = 'Cancellation not available due to missing abort handler';
    for (const user of ['alice', 'admin'] as const) {
      const page = await open(user);
      await waitForRow(page, 'Stubborn', 'In Progress');
      const stop = rowOf(page, 'Stubborn').getByRole('button', { name: `Cancel Stubborn: ${reason}` });
      await stop.hover();
      await page.locator('.tooltip').getByText(reason).waitFor();
      await screenshot(page, `cancel-disabled-${user}`);
      await stop.click({ force: true });
      await eventually(async () => assert.is(await page.locator('[role=status].hidden-text').innerText(), reason));
      assert.is(await dialogOf(page).count(), 0);
    }
  },
  LIMIT,
);

test(
  'T6 a handler that ignores its abort is shown as not stopping; only an admin can end it, by force',
  async (context) => {
    const { system, open } = await startPage(context);
    await system.baton.within(() => ignores.with({ taskName: 'Ignores' }).schedule());
    const [alice, admin] = [await open('alice'), await open('admin')];
    await waitForRow(alice, 'Ignores', 'In Progress');
    await askToCancel(alice, 'Ignores', 'This will cancel the task.');
    await confirm(alice);
    await rowOf(alice, 'Ignores')
      .getByRole('button', { name: /The handler does not stop/ })
      .first()
      .waitFor();
    await rowOf(alice, 'Ignores')
      .getByRole('button', { name: /^Cancel Ignores: .*An admin can end the task by force/ })
      .waitFor();

    await waitForRow(admin, 'Ignores', 'Aborting');
    await rowOf(admin, 'Ignores').getByRole('button', { name: 'Cancel Ignores', exact: true }).click();
    await dialogOf(admin)
      .getByText(/This ends the task by force/)
      .waitFor();
    await confirm(admin);
    for (const page of [admin, alice]) await waitForRow(page, 'Ignores', 'Aborted');
    await alice.getByRole('link', { name: 'Ignores' }).click();
    await alice.getByRole('region', { name: 'Cancel' }).getByText('by force').waitFor();
  },
  LIMIT,
);

test(
  'S1 A10 what another user may not see is not there: not in his list, not by its address',
  async (context) => {
    const { system, open } = await startPage(context);
    const mine = await system.baton.within(() => running.with({ taskName: 'Mine alone' }).schedule([1, 2]));
    const [alice, bob] = [await open('alice'), await open('bob', `/task/${mine.uuid}`)];
    await waitForRow(alice, 'Mine alone', 'In Progress');
    await bob.getByRole('heading', { name: 'No such task' }).waitFor();
    await expectAccessible(bob, 'a task that is not there');
    await screenshot(bob, 'task-missing');
    await bob.getByRole('link', { name: 'Tasks' }).first().click();
    await bob.getByText('No tasks yet').waitFor();

    // The switcher of development mode: another user, another list.
    await bob.getByRole('button', { name: 'User: bob' }).click();
    await bob.getByRole('menuitemradio', { name: 'alice' }).click();
    await waitForRow(bob, 'Mine alone', 'In Progress');
  },
  LIMIT,
);

test.run();
