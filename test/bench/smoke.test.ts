// limit: 420s
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import type { Row } from './rows.ts';

const test = suite('bench: one short run of each side, so that it cannot rot');

const run = promisify(execFile);

const ROWS = 'life,sustained,submits,arguments,idle,backlog,kills,limits,postgres';

const COUNTS = { '--tasks': 300, '--runs': 1, '--samples': 5, '--width': 32, '--concurrency': 20, '--backlog': 300 };

test(
  'prints a table, and writes rows with figures of both sides and a chart of them',
  async ({ defer }) => {
    const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
    defer(() => rm(folder, { recursive: true, force: true }));
    const [out, chart] = [join(folder, 'rows.json'), join(folder, 'rows.svg')];
    const counts = Object.entries(COUNTS).flatMap(([name, value]) => [name, String(value)]);
    const files = ['--out', out, '--chart', chart];
    const all = ['scripts/bench.mjs', ...counts, '--rows', ROWS, '--settings', 'lazy', ...files];
    const { stdout } = await run(process.execPath, all, { timeout: 380_000 });
    assert.match(stdout, 'whole life, everything running');
    assert.match(stdout, /processor µs a task: nats-server \d+, producer \d+/);
    const { rows } = JSON.parse(await readFile(out, 'utf8')) as { rows: readonly Row[] };
    assert.is(rows.length, 20);
    const limited = rows.filter(({ peer }) => peer?.name === 'without');
    assert.equal(
      limited.map(({ name }) => /by (\w+)/.exec(name)?.[1]),
      ['group', 'key'],
    );
    for (const { name, baton, peer, ratio } of rows) {
      // So few tasks can take less memory than was free before.
      if (name.startsWith('memory')) continue;
      assert.ok(baton.median > 0, name);
      if (peer !== undefined) assert.ok(peer.median > 0 && (ratio ?? 0) > 0, name);
    }
    assert.match(await readFile(chart, 'utf8'), /^<svg [^]*whole life[^]*<\/svg>\n$/);
  },
  { limitMs: 390_000 },
);

test.run();
