// C1 to C4, C9: what a body tells of itself. The worker is in this process, so that a test sees what its bodies see.
import { setTimeout as pause } from 'node:timers/promises';
import { describeDuration, describeProgress, etaMs, type Progress } from '@baton/core';
import { getContext, task, type LiveProgress } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { gate, recordingLog, stagedSuite, until, versionsOf } from '../support/stage.ts';

const test = stagedSuite('progress');

const NOW = { immediate: true } as const;

const FORMS: readonly (readonly [given: unknown, stored: Progress, shown: string])[] = [
  [[3, 100], { current: 3, total: 100 }, '3 of 100 (3%)'],
  [[0, 0], { current: 0, total: 0 }, '0 of 0'],
  [{ current: 1, total: 4 }, { current: 1, total: 4 }, '1 of 4 (25%)'],
  [0.5, { fraction: 0.5 }, '50%'],
  [{ fraction: 1 }, { fraction: 1 }, '100%'],
  [{ fraction: 0 }, { fraction: 0 }, '0%'],
  [42, { count: 42 }, '42 processed'],
  [0, { count: 0 }, '0 processed'],
  [1, { count: 1 }, '1 processed'],
  [{ count: 7 }, { count: 7 }, '7 processed'],
];

test('C1 progress is a pair, a fraction or a count, in every form, and is shown as such', async (stage, context) => {
  const body = task({ name: 'c1.body' }, (i: number) => {
    getContext().updateTask({ progress: FORMS[i]?.[0] as never });
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handles = await Promise.all(FORMS.map((_, i) => body.schedule(i)));
    for (const [i, [, stored, shown]] of FORMS.entries()) {
      const handle = handles[i];
      assert.ok(handle !== undefined);
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.status, handle.progress], ['success', stored]);
      assert.is(describeProgress(handle.progress ?? { count: -1 }), shown);
      const hasEta = ('fraction' in stored && stored.fraction === 0.5) || ('total' in stored && stored.total > 0);
      assert.is(etaMs(stored, 1_000) !== undefined, hasEta, `an ETA for ${shown}`);
      const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
      assert.equal(document.progress, stored);
    }
  });
});

const WRONG: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  -0.5,
  1.5,
  [5, 3],
  [-1, 3],
  [1.5, 3],
  [1, Number.NaN],
  [1],
  [1, 2, 3],
  { fraction: 1.1 },
  { count: -1 },
  { current: 2, total: 1 },
  true,
  'half',
  null,
  {},
];

test('C2 wrong progress is a warning and changes nothing, the task goes on', async (stage, context) => {
  const { log, lines } = recordingLog();
  const body = task({ name: 'c2.body' }, () => {
    const { updateTask } = getContext();
    updateTask({ progress: [1, 2] }, NOW);
    for (const progress of WRONG) updateTask({ progress: progress as never }, NOW);
    return 'went on';
  });
  await stage.serve(context, [body], { log });
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.result, handle.progress], ['success', 'went on', { current: 1, total: 2 }]);
    const warned = lines.filter(({ msg, level }) => level === 'warn' && msg.startsWith('progress was not understood'));
    assert.is(warned.length, WRONG.length);
    assert.ok(warned.every(({ task: id, reason }) => id === handle.uuid && typeof reason === 'string'));
  });
});

const PAYLOADS: readonly unknown[] = [
  { a: 1, b: [true, null, 'x'], nested: { deep: { er: 1.5 } } },
  [1, 2, 3],
  'text',
  0,
  false,
  null,
  { 'a.b': 1, '': 2 },
  'x'.repeat(64 * 1024 - 3),
];

test('C3 a payload is any JSON value up to 64 KiB and replaces the former whole', async (stage, context) => {
  const { log, lines } = recordingLog();
  const body = task({ name: 'c3.body' }, (i: number) => {
    const { updateTask } = getContext();
    updateTask({ payload: { former: true, kept: 'no' } }, NOW);
    updateTask({ payload: PAYLOADS[i] }, NOW);
  });
  const large = task({ name: 'c3.large' }, () => {
    const { updateTask } = getContext();
    updateTask({ payload: 'fits' }, NOW);
    for (const payload of ['x'.repeat(64 * 1024 + 1), () => 1, 1n]) updateTask({ payload }, NOW);
    return 'went on';
  });
  await stage.serve(context, [body, large], { log });
  await stage.as('alice').within(async () => {
    for (const [i, payload] of PAYLOADS.entries()) {
      const handle = await body.schedule(i);
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.status, handle.payload], ['success', payload]);
      const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
      assert.equal(JSON.parse(document.payload ?? ''), payload);
    }
    const handle = await large.schedule();
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.result, handle.payload], ['success', 'went on', 'fits']);
    assert.is(lines.filter(({ msg, level }) => level === 'warn' && msg.startsWith('a payload could not')).length, 3);
  });
});

test('C3 progress and payload of one call are stored together', async (stage, context) => {
  const body = task({ name: 'c3.together' }, async () => {
    const { updateTask } = getContext();
    for (let step = 1; step <= 30; step++) {
      updateTask({ progress: [step, 30], payload: { step } }, NOW);
      await pause(step % 3);
    }
  });
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await handle.wait({ timeout: '30s' });
  const versions = (await versionsOf(stage, handle)).filter(({ progress }) => progress !== undefined);
  assert.ok(versions.length >= 3);
  for await (const snapshot of (await stage.as('alice').open(handle)).events()) {
    assert.equal(snapshot.progress, { current: 30, total: 30 });
  }
  for (const { progress, payload } of versions) {
    const step = progress !== undefined && 'current' in progress ? progress.current : 0;
    assert.ok(payload instanceof Uint8Array);
    assert.is(payload.at(-1), step, 'a small number is its own last byte');
  }
});

const storedCounts = (versions: Awaited<ReturnType<typeof versionsOf>>): readonly number[] => {
  const counts = versions.flatMap(({ progress }) =>
    progress !== undefined && 'count' in progress ? [progress.count] : [],
  );
  return counts.filter((count, i) => count !== counts[i - 1]);
};

test('C4 the first update is stored at once, then one in 2 s, the last before the end', async (stage, context) => {
  const body = task({ name: 'c4.body' }, async () => {
    const { updateTask } = getContext();
    const began = performance.now();
    for (let count = 1; performance.now() - began < 2_600; count++) {
      updateTask({ progress: { count } });
      await pause(10);
    }
    updateTask({ progress: { count: 1_000_000 } });
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    const live: LiveProgress[] = [];
    const listening = await handle.onProgress((update) => live.push(update));
    context.defer(() => listening.close());
    await handle.wait({ timeout: '30s' });
    const versions = await versionsOf(stage, handle);
    const counts = storedCounts(versions);
    assert.is(counts.length, 3, `the first, one after 2 s, the last: ${counts.join(' ')}`);
    assert.equal([counts[0], counts[2]], [1, 1_000_000]);
    const flushed = versions.find(
      ({ progress }) => progress !== undefined && 'count' in progress && progress.count > 1e5,
    );
    assert.is(flushed?.status, 'in_progress', 'flushed before the end is recorded');
    assert.equal(handle.progress, { count: 1_000_000 });
    assert.ok(live.length >= 15 && live.length <= 29, `up to 10 a second live, got ${live.length} in 2.6 s`);
  });
});

test('C4 a throttle of 0 stores every call, immediate stores now', async (stage, context) => {
  const steps: (() => void)[] = [];
  const next = (): Promise<void> => new Promise((resolve) => steps.push(resolve));
  const bodyOf = (name: string, immediate: boolean) =>
    task({ name }, async () => {
      const { updateTask } = getContext();
      for (let count = 1; count <= 4; count++) {
        updateTask({ progress: { count } }, { immediate });
        await next();
      }
    });
  const all = bodyOf('c4.all', false);
  const now = bodyOf('c4.now', true);
  await stage.serve(context, [all], { progressThrottleMs: 0 });
  await stage.serve(context, [now]);
  await stage.as('alice').within(async () => {
    for (const body of [all, now]) {
      const handle = await body.schedule();
      for (let count = 1; count <= 4; count++) {
        await until(
          handle,
          ({ progress }) => progress !== undefined && 'count' in progress && progress.count === count,
          1_500,
        );
        await eventually(() => assert.ok(steps.length > 0));
        steps.shift()?.();
      }
      await handle.wait({ timeout: '30s' });
      assert.equal(storedCounts(await versionsOf(stage, handle)), [1, 2, 3, 4]);
    }
  });
});

test('C9 the ETA of a running task: elapsed / p * (1 - p), hidden at 0, at 1 and beyond a day', async (stage, context) => {
  const hold = gate();
  const body = task({ name: 'c9.body' }, async () => {
    getContext().updateTask({ progress: [25, 100] }, NOW);
    await hold.passed;
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    await until(handle, ({ progress, durationSeconds = 0 }) => progress !== undefined && durationSeconds >= 0.2);
    const elapsed = (handle.durationSeconds ?? 0) * 1_000;
    const shown = handle.etaSeconds ?? Number.NaN;
    assert.ok(Math.abs(shown * 1_000 - elapsed * 3) < 100, `${shown} s after ${elapsed} ms`);
    hold.open();
    await handle.wait({ timeout: '30s' });
    assert.is(handle.etaSeconds, undefined, 'nothing is expected of what has ended');
  });
  const DAY = 86_400_000;
  for (const [progress, elapsedMs, eta] of [
    [{ fraction: 0 }, 1_000, undefined],
    [{ fraction: 1 }, 1_000, undefined],
    [{ current: 0, total: 5 }, 1_000, undefined],
    [{ current: 0, total: 0 }, 1_000, undefined],
    [{ count: 3 }, 1_000, undefined],
    [{ fraction: 0.5 }, 60_000, '1m'],
    [{ fraction: 0.4 }, 60_000, '1m 30s'],
    [{ current: 1, total: 4 }, 3_600_000 + 1_000, '3h'],
    [{ fraction: 0.5 }, DAY, '1d'],
    [{ fraction: 0.5 }, DAY + 1, undefined],
    [{ fraction: 0.25 }, 7 * 3_600_000 + 59 * 60_000 + 59_000, '23h 59m'],
  ] as const) {
    const ms = etaMs(progress, elapsedMs);
    assert.is(
      ms === undefined ? undefined : describeDuration(ms),
      eta,
      `${JSON.stringify(progress)} after ${elapsedMs} ms`,
    );
  }
});

test.run();
