// limit: 300s, alone
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import type { Row } from './main.ts';

const test = suite('bench: one short run of each side, so that it cannot rot');

const run = promisify(execFile);

test(
  'prints a table and writes rows with figures of both sides',
  async ({ defer }) => {
    const folder = await mkdtemp(join(tmpdir(), 'baton-bench-'));
    defer(() => rm(folder, { recursive: true, force: true }));
    const out = join(folder, 'rows.json');
    const load = ['--tasks', '300', '--runs', '1', '--samples', '10', '--width', '32', '--concurrency', '20'];
    const { stdout } = await run(process.execPath, ['scripts/bench.mjs', ...load, '--settings', 'lazy', '--out', out], {
      timeout: 240_000,
    });
    assert.match(stdout, 'no-op tasks, whole life');
    const { rows } = JSON.parse(await readFile(out, 'utf8')) as { rows: readonly Row[] };
    assert.is(rows.length, 5);
    for (const row of rows) {
      assert.ok(row.baton > 0 && row.bullmq > 0 && row.ratio > 0, JSON.stringify(row));
    }
  },
  { limitMs: 250_000 },
);

test.run();
