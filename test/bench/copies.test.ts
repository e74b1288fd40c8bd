// limit: 240s
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import type { Row } from './rows.ts';

const test = suite('bench of copies: one short run, so that it cannot rot');

const run = promisify(execFile);

const COUNTS = { '--tasks': 200, '--runs': 1, '--samples': 5, '--width': 32, '--concurrency': 20, '--backlog': 200 };

test(
  'three servers have figures of their own beside one',
  async ({ defer }) => {
    const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
    defer(() => rm(folder, { recursive: true, force: true }));
    const [out, chart] = [join(folder, 'rows.json'), join(folder, 'rows.svg')];
    const counts = Object.entries(COUNTS).flatMap(([name, value]) => [name, String(value)]);
    const of = ['--rows', 'copies', '--settings', 'lazy', '--out', out, '--chart', chart];
    await run(process.execPath, ['scripts/bench.mjs', ...counts, ...of], { timeout: 200_000 });
    const { rows } = JSON.parse(await readFile(out, 'utf8')) as { rows: readonly Row[] };
    assert.is(rows.length, 5);
    for (const { name, baton, peer } of rows) {
      assert.is(peer?.name, 'three copies');
      // So few tasks can take less memory than was free before.
      if (!name.startsWith('memory')) assert.ok(baton.median > 0 && (peer?.median ?? 0) > 0, name);
    }
    const life = rows.find(({ name }) => name === 'whole life by copies');
    assert.ok((life?.peer?.cpu?.['nats-servers'] ?? 0) > 0 && (life?.baton.cpu?.['nats-servers'] ?? 0) > 0);
    // Each of the three writes what one writes alone.
    const written = rows.find(({ name }) => name.startsWith('written'));
    assert.ok((written?.peer?.median ?? 0) > 2 * (written?.baton.median ?? Infinity));
  },
  { limitMs: 210_000 },
);

test.run();
