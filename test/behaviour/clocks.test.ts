// limit: 120s
// Machines whose clocks are wrong: every time that decides or is shown is the server's.
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { flaky } from '../support/fixture-tasks.ts';
import { suite } from '../support/suite.ts';
import { startSystem } from '../support/system-fixture.ts';

const test = suite('wrong clocks');

const HOUR_MS = 3_600_000;

/** What a process believes the time is, shifted from its start. */
const shifted = (ms: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(`const own=Date.now;Date.now=()=>own()+${ms}`)}`;

for (const [title, ms] of [
  ['fast', HOUR_MS],
  ['slow', -HOUR_MS],
] as const) {
  test(
    `R2, X7, L14 a worker whose clock is an hour ${title}: back-off, times and durations are right, and the log names it`,
    async (context) => {
      const system = await startSystem(context, { workers: 0, projectors: 0 });
      const worker = system.service('worker', 'out of time', { NODE_OPTIONS: shifted(ms) });
      await worker.start();
      const began = Date.now();
      const handle = await system.baton.within(() =>
        flaky
          .with({ retry: { maxAttempts: 3, backoff: { initial: '1s', max: '1s', factor: 1, jitter: 0 } } })
          .schedule(1),
      );
      await handle.wait({ timeout: '45s' });
      const tookMs = Date.now() - began;
      assert.equal([handle.status, handle.attempt], ['success', 2]);
      assert.ok(tookMs >= 950, `the second attempt was not early: ${tookMs} ms`);
      for (const { at } of handle.record.history) assert.ok(Math.abs(at - began) < 20_000, new Date(at).toISOString());
      assert.ok((handle.durationSeconds ?? -1) >= 0 && (handle.durationSeconds ?? 99) < 10);
      assert.ok(handle.queuedSeconds >= 0 && handle.queuedSeconds < 10, `${handle.queuedSeconds}`);
      const [supervisor] = system.supervisors;
      await eventually(() => assert.match(supervisor?.output ?? '', /the clock of a worker's machine is 3\d{6} ms/));
    },
    { limitMs: 50_000 },
  );
}

test.run();
