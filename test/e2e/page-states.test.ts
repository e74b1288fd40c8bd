// limit: 180s
// What the page shows when there is nothing to show: away, switched off, not signed in, slow.
import { SignJWT } from 'jose';
import * as assert from 'uvu/assert';
import { openPage, screenshot, startChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { running } from '../support/fixture-page-tasks.ts';
import { expectAccessible, startGateway, startPage } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { suite } from '../support/suite.ts';
import { startSystem } from '../support/system-fixture.ts';

const test = suite('states of the page');
const SECRET = 'a secret of the test that is long enough for HS256';

test(
  'the gateway goes and comes back: a banner, then live again, and nothing that happened meanwhile is missed',
  async (context) => {
    const { system, gateway, open } = await startPage(context);
    const task = await system.baton.within(() => running.with({ taskName: 'Goes on' }).schedule([1, 2]));
    const page = await open('alice');
    await waitForRow(page, 'Goes on', 'In Progress');
    await gateway.kill();
    await page.getByText('The connection is lost. What you see may be old. Reconnecting…').waitFor();
    assert.is(await rowOf(page, 'Goes on').count(), 1, 'what was shown stays');
    await expectAccessible(page, 'the page without a connection');
    await screenshot(page, 'offline');
    await task.cancel();
    await gateway.start();
    await waitForRow(page, 'Goes on', 'Aborted');
    await page.getByText('The connection is lost.').waitFor({ state: 'detached' });
    await page.locator('.live-on').waitFor();
  },
  { limitMs: 60_000 },
);

test(
  'while the first answer takes its time there are bones of rows, then the rows',
  async (context) => {
    const { system, open } = await startPage(context);
    await system.baton.within(() => running.with({ taskName: 'Slow to come' }).schedule([1, 2]));
    const page = await open('alice');
    await waitForRow(page, 'Slow to come', 'In Progress');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/\/api\/v1\/task\/\?/, async (route) => {
      await held;
      await route.continue();
    });
    await page.reload();
    await page.locator('.skeleton').first().waitFor();
    assert.is(await page.locator('table').getAttribute('aria-busy'), 'true');
    await expectAccessible(page, 'the list while it loads');
    await screenshot(page, 'loading');
    release();
    await waitForRow(page, 'Slow to come', 'In Progress');
  },
  { limitMs: 60_000 },
);

test(
  'X6 switched off: no list and no menu, and the page says why',
  async (context) => {
    const system = await startSystem(context);
    const { url } = await startGateway(context, system, { BATON_AUTH: 'dev', BATON_ENABLED: 'false' });
    const { page, faults } = await openPage(await startChromium(context));
    await page.goto(url);
    await page.getByRole('heading', { name: 'Tasks are switched off' }).waitFor();
    assert.is(await page.getByRole('link').count(), 0);
    await expectAccessible(page, 'the page when tasks are switched off');
    await screenshot(page, 'switched-off');
    assert.equal(faults, []);
  },
  { limitMs: 60_000 },
);

test(
  'signed in by a cookie with a token; without one, or with an old one, the page says so and shows nothing',
  async (context) => {
    const system = await startSystem(context);
    const { url } = await startGateway(context, system, { BATON_JWT_SECRET: SECRET });
    await system.baton.within(() => running.with({ taskName: 'Of alice' }).schedule([1, 2]));
    const { page, faults } = await openPage(await startChromium(context));
    await page.goto(url);
    await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
    await expectAccessible(page, 'the page of who is not signed in');
    await screenshot(page, 'signed-out');

    const signIn = async (expires: string): Promise<void> => {
      const token = await new SignJWT({ sub: 'alice' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime(expires)
        .sign(new TextEncoder().encode(SECRET));
      await page.context().addCookies([{ name: 'baton_token', value: token, url, httpOnly: true, sameSite: 'Strict' }]);
      await page.reload();
    };
    await signIn('-1h');
    await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
    await signIn('1h');
    await eventually(() => rowOf(page, 'Of alice').waitFor({ timeout: 1_000 }), { limitMs: 15_000 });
    assert.is(await page.getByRole('button', { name: /^User/ }).count(), 0, 'nobody becomes somebody else here');
    assert.equal(faults, []);
  },
  { limitMs: 60_000 },
);

test.run();
