// limit: 120s
// The list as a web component: in a page of its own server, and in a page of another origin with a token.
import { SignJWT } from 'jose';
import * as assert from 'uvu/assert';
import { openPage, screenshot, startChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { running, shared } from '../support/fixture-page-tasks.ts';
import { expectAccessible, startGateway, startPage, PAGE_TASKS, waitForDocuments } from '../support/page-fixture.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { startOtherSite } from '../support/other-site.ts';
import { suite } from '../support/suite.ts';
import { startSystem } from '../support/system-fixture.ts';

const test = suite('embedded task list');
const SECRET = 'a secret of the test that is long enough for HS256';

test(
  'the example page: live, cancels, opens a task and comes back; the styles of neither reach the other',
  async (context) => {
    const { system, open } = await startPage(context);
    const task = await system.baton.within(() => running.with({ taskName: 'Inside' }).schedule([1, 4]));
    const page = await open('alice', '/embed.html');
    await waitForRow(page, 'Inside', 'In Progress');
    await expectAccessible(page, 'the example page');
    await screenshot(page, 'embed');
    const border = await page.evaluate<string>(
      "getComputedStyle(document.querySelector('baton-task-list').shadowRoot.querySelector('td')).borderTopStyle",
    );
    assert.is(border, 'none', 'the dotted pink of the page stays outside');

    await page.getByText('Inside', { exact: true }).click();
    await page.getByRole('heading', { name: 'Inside' }).waitFor();
    assert.match(page.url(), /\/embed\.html$/, 'the address is not the component’s to change');
    await page.getByRole('button', { name: 'Tasks' }).click();
    await rowOf(page, 'Inside').getByRole('button', { name: 'Cancel Inside' }).click();
    await page.getByRole('dialog', { name: 'Cancel Task' }).getByRole('button', { name: 'Yes, Cancel' }).click();
    await task.wait({ timeout: '30s' });
    await page.getByText('Task cancelled: Inside').waitFor();
    await rowOf(page, 'Inside').getByText('no longer fits the filter').waitFor();

    await page.evaluate("document.querySelector('baton-task-list').setAttribute('theme', 'dark')");
    await eventually(async () =>
      assert.is(
        await page.evaluate<string>("getComputedStyle(document.querySelector('baton-task-list')).colorScheme"),
        'dark',
      ),
    );
    await screenshot(page, 'embed-dark');
  },
  { limitMs: 60_000 },
);

test(
  'in a page of another origin: with a token from a callback, asked anew for each request',
  async (context) => {
    const system = await startSystem(context, { tasks: [PAGE_TASKS] });
    let gatewayUrl = '';
    const site = await startOtherSite(
      context,
      () => `<!doctype html><html lang="en"><title>Other</title><main><h1>Other</h1><div id="here"></div></main>
        <script type="module">
          import { BatonTaskList } from '${gatewayUrl}/baton-task-list.js';
          const list = new BatonTaskList();
          globalThis.asked = 0;
          list.tokenSource = async () => { globalThis.asked++; return (await fetch('/token')).ok ? globalThis.token : ''; };
          list.setAttribute('server', '${gatewayUrl}/');
          list.setAttribute('filter', 'scope=shared');
          globalThis.start = (token) => { globalThis.token = token; document.querySelector('#here').append(list); };
        </script>`,
    );
    const { url } = await startGateway(context, system, { BATON_JWT_SECRET: SECRET, BATON_CORS_ORIGINS: site });
    gatewayUrl = url;
    await system.baton.within(() => shared.with({ taskKey: 'common', taskName: 'Shared one' }).schedule([1, 4]));
    await system.baton.within(() => running.with({ taskName: 'Private one' }).schedule([1, 4]));
    await waitForDocuments(system, 2);

    const { page, faults } = await openPage(await startChromium(context));
    await page.goto(site);
    const token = await new SignJWT({ sub: 'alice' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(SECRET));
    await page.waitForFunction('globalThis.start !== undefined');
    await page.evaluate(`globalThis.start(${JSON.stringify(token)})`);
    await waitForRow(page, 'Shared one', 'In Progress');
    assert.is(await rowOf(page, 'Private one').count(), 0, 'the filter holds');
    await rowOf(page, 'Shared one').getByRole('button', { name: 'Cancel Shared one' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Yes, Cancel' }).click();
    await waitForRow(page, 'Shared one', 'Aborted');
    assert.ok((await page.evaluate<number>('globalThis.asked')) >= 3);
    assert.equal(faults, []);
  },
  { limitMs: 60_000 },
);

test.run();
