import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/suite.ts';
import { cacheFolder, cachedInstalls, installOnce } from './cache.ts';
import type { Install } from './cache.ts';
import { takeLock } from './lock.ts';
import { markOf } from './process-mark.ts';

const test = suite('local: cache');

async function tempCache({ defer }: TestContext): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'baton-cache-'));
  defer(() => rm(cache, { recursive: true, force: true }));
  return cache;
}

function installTool(cache: string, changes: Partial<Install> = {}): Install {
  return {
    cache,
    name: 'tool-1.0.0-go',
    server: 'nats',
    report: () => {},
    fill: async (dir) => {
      await writeFile(join(dir, 'tool'), 'whole');
      return { program: 'tool', version: '1.0.0', way: 'go' };
    },
    check: async (dir) => assert.is(await readFile(join(dir, 'tool'), 'utf8'), 'whole'),
    ...changes,
  };
}

test('BATON_CACHE, else XDG_CACHE_HOME, else the home folder', () => {
  assert.is(cacheFolder({ BATON_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }), '/a');
  assert.is(cacheFolder({ XDG_CACHE_HOME: '/b', HOME: '/c' }), '/b/baton');
  assert.is(cacheFolder({ BATON_CACHE: '', HOME: '/c' }), '/c/.cache/baton');
});

test('an install appears whole, and the next call takes it', async (context) => {
  const cache = await tempCache(context);
  const first = await installOnce(installTool(cache));
  assert.is(first.dir, join(cache, 'tool-1.0.0-go'));
  const again = await installOnce(installTool(cache, { fill: () => Promise.reject(new Error('filled twice')) }));
  assert.equal(again, first);
  assert.equal(await cachedInstalls(cache, 'tool'), [first]);
  assert.equal(await cachedInstalls(cache, 'tool', 'wheel'), []);
});

test('two at once: one installs, the other waits and takes it', async (context) => {
  const cache = await tempCache(context);
  let fills = 0;
  const install = installTool(cache, {
    fill: async (dir) => {
      fills += 1;
      await sleep(300);
      await writeFile(join(dir, 'tool'), 'whole');
      return { program: 'tool', version: '1.0.0', way: 'go' };
    },
  });
  const [a, b] = await Promise.all([installOnce(install), installOnce(install)]);
  assert.equal(a, b);
  assert.is(fills, 1);
});

test('a failed install leaves nothing', async (context) => {
  const cache = await tempCache(context);
  const failing = installTool(cache, {
    fill: async (dir) => {
      await writeFile(join(dir, 'tool'), 'ha');
      throw new Error('disk full');
    },
  });
  await rejects(installOnce(failing), 'disk full');
  assert.equal(await readdir(cache), []);
});

test('an install that does not work is thrown away', async (context) => {
  const cache = await tempCache(context);
  const broken = installTool(cache, { check: () => Promise.reject(new Error('wrong C library')) });
  await rejects(installOnce(broken), 'wrong C library');
  assert.equal(await cachedInstalls(cache, 'tool'), []);
});

test('half an install is never taken, and makes room', async (context) => {
  const cache = await tempCache(context);
  const dir = join(cache, 'tool-1.0.0-go');
  await mkdir(dir);
  await writeFile(join(dir, 'tool'), 'ha');
  assert.equal(await cachedInstalls(cache, 'tool'), []);
  await installOnce(installTool(cache));
  assert.is(await readFile(join(dir, 'tool'), 'utf8'), 'whole');
});

test('what a killed install left is taken away, together with its lock', async (context) => {
  const cache = await tempCache(context);
  const dead = { pid: 2 ** 22 + 1, started: '1' };
  await mkdir(join(cache, `.tmp-tool-1.0.0-go-${dead.pid}-abc`));
  await writeFile(join(cache, '.tool-1.0.0-go.lock'), JSON.stringify(dead));
  await installOnce(installTool(cache));
  assert.equal(await readdir(cache), ['tool-1.0.0-go']);
});

test('a lock is held against others, also by number, until it is given back', async (context) => {
  const path = join(await tempCache(context), 'lock');
  const release = await takeLock(path, { waitMs: 0 });
  await rejects(takeLock(path, { waitMs: 0 }), `held by process ${process.pid}`);
  await release();
  await (
    await takeLock(path, { waitMs: 0 })
  )();
});

test('the number of a dead process that another has now does not hold a lock', async (context) => {
  const path = join(await tempCache(context), 'lock');
  await writeFile(path, JSON.stringify({ ...markOf(process.pid), started: 'before' }));
  await (
    await takeLock(path, { waitMs: 0 })
  )();
});

async function rejects(work: Promise<unknown>, message: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  assert.ok(error, 'it did not fail');
  assert.match(error?.message ?? '', message);
}

test.run();
