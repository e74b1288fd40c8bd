// limit: 240s
// Whether what a page shows is live, and for whom.
import type { Address } from '@baton/protocols';
import { recordOf } from '@baton/runtime';
import { SignJWT } from 'jose';
import * as assert from 'uvu/assert';
import { startChromium } from '../support/chromium.ts';
import { openCuttableLink } from '../support/cuttable-link.ts';
import { openEvents } from '../support/event-client.ts';
import { eventually } from '../support/eventually.ts';
import { running } from '../support/fixture-page-tasks.ts';
import { PAGE_TASKS, startGateway, startPage, waitForDocuments } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { expectStreams, isLive, runNamed, tabOf } from '../support/page-tabs.ts';
import { startOtherSite } from '../support/other-site.ts';
import { suite } from '../support/suite.ts';
import { startSystem } from '../support/system-fixture.ts';

const test = suite('the live page');
const LIMIT = { limitMs: 120_000 };
const SECRET = 'a secret of the test that is long enough for HS256';

test(
  'a hidden page has no stream after a while, and has missed nothing when it is looked at again',
  async (context) => {
    const fixture = await startPage(context);
    const [task] = await runNamed(fixture, ['Unwatched']);
    const page = await fixture.open('alice', '/icon.svg');
    await page.clock.install();
    await page.goto(fixture.url);
    await waitForRow(page, 'Unwatched', 'In Progress');
    await isLive(page);
    const show = (state: 'hidden' | 'visible') =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await show('hidden');
    await expectStreams(fixture.url, 1);
    await page.clock.fastForward(31_000);
    await expectStreams(fixture.url, 0);
    assert.is(await page.locator('.live-on').count(), 0, 'it does not say it is live');
    await task?.cancel();
    await show('visible');
    await isLive(page);
    await waitForRow(page, 'Unwatched', 'Aborted');
  },
  LIMIT,
);

test(
  'not live before what is shown has been read, however well the stream stands; behind when it cannot be read again',
  async (context) => {
    const fixture = await startPage(context);
    const [task] = await runNamed(fixture, ['Honest']);
    const page = await fixture.open('alice', '/icon.svg');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/\/api\/v1\/task\/\?/, async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(fixture.url);
    await expectStreams(fixture.url, 1);
    await page.locator('.skeleton').first().waitFor();
    await page.getByText('Connecting').waitFor();
    assert.is(await page.locator('.live-on').count(), 0);
    release();
    await isLive(page);
    await waitForRow(page, 'Honest', 'In Progress');

    // The stream comes back, the list does not.
    await page.unroute(/\/api\/v1\/task\/\?/);
    await page.route(/\/api\/v1\/task\/\?/, (route) => route.abort());
    await fixture.gateway.kill();
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    await task?.cancel();
    await fixture.gateway.start();
    await page.getByText('Catching up').waitFor();
    assert.is(await page.locator('.live-on').count(), 0);
    await page.unroute(/\/api\/v1\/task\/\?/);
    await isLive(page);
    await waitForRow(page, 'Honest', 'Aborted');
  },
  LIMIT,
);

test(
  'not live while the gateway itself hears of nothing, for those who come meanwhile as well; then nothing was missed',
  async (context) => {
    const fixture = await startPage(context);
    const { system } = fixture;
    const link = await openCuttableLink(system.natsUrl);
    context.defer(() => link.close());
    const { url } = await startGateway(context, system, { BATON_AUTH: 'dev', NATS_URL: `nats://${link.address}` });
    const [task] = await runNamed(fixture, ['Unheard']);
    const browser = await startChromium(context);
    const page = await browser.newPage();
    await page.context().addCookies([{ name: 'baton_dev_user', value: 'alice', url }]);
    await page.goto(url);
    await waitForRow(page, 'Unheard', 'In Progress');
    await isLive(page);
    const follow = () => openEvents(`${url}/api/v1/task/events`, { cookie: 'baton_dev_user=alice' });
    const before = await follow();
    context.defer(() => before.close());
    assert.is(before.headers['x-baton-live'], 'true');

    link.mute();
    await page.getByText('Catching up').waitFor({ timeout: 20_000 });
    assert.is(await page.locator('.live-on').count(), 0);
    await task?.cancel();
    await eventually(() => assert.equal(before.events.at(-1), { event: 'feed', id: '', data: { live: false } }));
    const meanwhile = await follow();
    context.defer(() => meanwhile.close());
    assert.is(meanwhile.headers['x-baton-live'], 'false');
    await eventually(() => assert.equal(meanwhile.events[0]?.data, { live: false }));
    assert.is((await fetch(`${url}/readyz`)).status, 503);

    // Its end is archived by now, and the version that ended it written over: what comes first is told.
    await eventually(
      async () => {
        const entry = await system.ports.store.load(task?.address as Address);
        assert.is(entry !== undefined && recordOf(entry).archived, true);
      },
      { limitMs: 30_000 },
    );
    link.mend();
    await waitForRow(page, 'Unheard', 'Aborted');
    await isLive(page);
    await eventually(() => assert.equal(meanwhile.events.find(({ data }) => data['live'] === true)?.event, 'feed'));
    assert.ok(before.events.findIndex(({ data }) => data['live'] === true) > 0);
  },
  LIMIT,
);

test(
  'who has become somebody else in one tab: the others are told, and see nothing of the new one',
  async (context) => {
    const fixture = await startPage(context);
    const { system, url, gateway } = fixture;
    await runNamed(fixture, ['Of alice']);
    const first = await fixture.open('alice');
    const other = await tabOf(first.context(), url);
    for (const tab of [first, other]) await waitForRow(tab, 'Of alice', 'In Progress');
    await first.getByRole('button', { name: 'User: alice' }).click();
    await first.getByRole('menuitemradio', { name: 'bob' }).click();
    await first.getByText('No tasks yet').waitFor();
    await isLive(first);
    await expectStreams(url, 2);
    // The stream of alice breaks, and the cookie is bob's by now.
    await gateway.kill();
    await gateway.start();
    await other.getByText(/somebody else is signed in/).waitFor();
    await isLive(first);
    const bob = system.baton.as({ id: 'bob' });
    await bob.within(() => running.with({ taskName: 'Of bob' }).schedule([1, 4]));
    await waitForRow(first, 'Of bob', 'In Progress');
    assert.is(await rowOf(other, 'Of bob').count(), 0);
    assert.is(await other.getByRole('button', { name: /new$/ }).count(), 0);
    await expectStreams(url, 1);
  },
  LIMIT,
);

const tokenOf = (user: string, roles: readonly string[] = []): Promise<string> =>
  new SignJWT({ sub: user, roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET));

test(
  'on another site: tabs of one user share a stream by their tokens, two users on one page do not',
  async (context) => {
    const system = await startSystem(context, { tasks: [PAGE_TASKS] });
    let gatewayUrl = '';
    const tokens = { alice: await tokenOf('alice'), bob: await tokenOf('bob') };
    const site = await startOtherSite(
      context,
      () => `<!doctype html><html lang="en"><title>Other</title><main></main>
        <script type="module">
          import { BatonTaskList } from '${gatewayUrl}/baton-task-list.js';
          for (const [user, token] of Object.entries(${JSON.stringify(tokens)})) {
            const list = new BatonTaskList();
            list.id = user;
            list.tokenSource = async () => token;
            list.setAttribute('server', '${gatewayUrl}');
            document.querySelector('main').append(list);
          }
        </script>`,
    );
    const { url } = await startGateway(context, system, { BATON_JWT_SECRET: SECRET, BATON_CORS_ORIGINS: site });
    gatewayUrl = url;
    for (const id of ['alice', 'bob']) {
      await system.baton.as({ id }).within(() => running.with({ taskName: `Of ${id}` }).schedule([1, 4]));
    }
    await waitForDocuments(system, 2);
    const profile = await (await startChromium(context)).newContext();
    const tabs = [await tabOf(profile, site), await tabOf(profile, site)];
    for (const tab of tabs) {
      await eventually(async () => assert.is(await tab.locator('.live-on').count(), 2), { limitMs: 20_000 });
      assert.is(await tab.locator('#alice').getByText('Of alice').count(), 1);
      assert.is(await tab.locator('#alice').getByText('Of bob').count(), 0);
      assert.is(await tab.locator('#bob').getByText('Of alice').count(), 0);
    }
    await expectStreams(url, 2, await tokenOf('root', ['admin']));
    await system.baton.as({ id: 'bob' }).within(() => running.with({ taskName: 'Bob again' }).schedule([1, 4]));
    for (const tab of tabs) {
      await tab.locator('#bob').getByRole('button', { name: '1 new' }).waitFor();
      assert.is(await tab.locator('#alice').getByRole('button', { name: /new$/ }).count(), 0);
    }
  },
  LIMIT,
);

test.run();
