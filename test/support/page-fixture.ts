import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import axe from 'axe-core';
import * as assert from 'uvu/assert';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { openPage, startChromium, type PageFaults } from './chromium.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { startSystem, type System, type SystemOptions } from './system-fixture.ts';
import { SystemProcess } from './system-process.ts';
import type { TestContext } from './test-body.ts';

export const PAGE_TASKS = fileURLToPath(new URL('./fixture-page-tasks.mjs', import.meta.url));

/** The users of development mode. */
export type DevUser = 'alice' | 'bob' | 'carol' | 'admin';

export type PageFixture = {
  readonly system: System;
  readonly gateway: SystemProcess;
  /** Where the gateway listens. */
  readonly url: string;
  /** The page as one user sees it, in a browser window of his own. Its faults are the test's. */
  readonly open: (user: DevUser, path?: string, options?: BrowserContextOptions) => Promise<Page>;
};

/** A whole system with a gateway in development mode, and a browser. */
export const startPage = async (context: TestContext, options: SystemOptions = {}): Promise<PageFixture> => {
  const system = await startSystem(context, { tasks: [PAGE_TASKS], ...options });
  const { gateway, url } = await startGateway(context, system, { BATON_AUTH: 'dev' });
  const browser = await startChromium(context);
  const seen: { readonly user: string; readonly faults: PageFaults }[] = [];
  context.defer(() => {
    for (const { user, faults } of seen) assert.equal(faults, [], `the page of ${user}`);
  });
  const open = async (user: DevUser, path = '/', more: BrowserContextOptions = {}): Promise<Page> => {
    const { page, faults } = await openPage(browser, more);
    await page.context().addCookies([{ name: 'baton_dev_user', value: user, url }]);
    seen.push({ user, faults: watchRequests(page, url, faults) });
    await page.goto(`${url}${path}`);
    return page;
  };
  return { system, gateway, url, open };
};

/** Waits until so many tasks have documents: what comes after a page has opened waits there behind its pill. */
export const waitForDocuments = ({ mongo }: System, count: number): Promise<void> =>
  eventually(async () => assert.is(await mongo.db.collection('tasks').countDocuments(), count), { limitMs: 15_000 });

/** The page asks nobody but its own server (and not for what is not there). */
const watchRequests = (page: Page, url: string, faults: PageFaults): PageFaults => {
  const all = faults as string[];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) all.push(`asks ${request.url()}`);
  });
  return all;
};

/** One more gateway of a system, on a port of its own. */
export const startGateway = async (
  { defer }: Pick<TestContext, 'defer'>,
  system: System,
  env: Readonly<Record<string, string>>,
): Promise<{ gateway: SystemProcess; url: string }> => {
  const port = await freePort();
  const gateway = new SystemProcess({
    name: 'gateway',
    args: [resolve('services/gateway/dist/main.mjs')],
    env: { ...system.env, BATON_HTTP_PORT: String(port), ...env },
    readyWhen: '"msg":"listening"',
  });
  defer(() => gateway.destroy());
  await gateway.start();
  return { gateway, url: `http://127.0.0.1:${port}` };
};

/**
 * Waits until what fades or slides in is there: contrast and place count when it stands. What turns for ever is let
 * be. Again while there is something: an end may have others begin.
 */
const settled = (page: Page): Promise<unknown> =>
  page.evaluate(`(async () => {
    const running = () => document.getAnimations()
      .filter((one) => one.playState !== 'finished' && Number.isFinite(one.effect?.getComputedTiming().endTime));
    for (let animations = running(); animations.length > 0; animations = running())
      await Promise.allSettled(animations.map((one) => one.finished));
  })()`);

/** Nothing of the page reaches beyond the window. Waits for it: after a change of width the page is laid out in steps. */
export const expectNoOverflow = (page: Page, what: string): Promise<void> =>
  eventually(async () => assert.equal(await page.evaluate<readonly string[]>(BEYOND_THE_WINDOW), [], what));

const BEYOND_THE_WINDOW = `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.tagName + '.' + one.getAttribute('class') + ' ' + Math.round(one.getBoundingClientRect().right))`;

/** Everything axe-core knows to look for, with WCAG 2.2 AA and its best practices. */
export const expectAccessible = async (page: Page, what: string): Promise<void> => {
  await settled(page);
  // By the debugging interface: the page's own policy lets no foreign script in.
  await page.evaluate(axe.source);
  const found = await page.evaluate<
    readonly Violation[]
  >(`axe.run(document, { resultTypes: ['violations'] }).then((result) =>
    result.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary) })))`);
  assert.equal(found, [], `axe-core on ${what}: ${JSON.stringify(found, null, 2).slice(0, 4_000)}`);
};

type Violation = { readonly id: string; readonly help: string; readonly nodes: readonly string[] };
