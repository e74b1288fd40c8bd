import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@baton/sdk';
import { exportReport } from './tasks.ts';

const folder = mkdtempSync(join(tmpdir(), 'report-export-'));
const baton = await connect({ servers: process.env['NATS_URL'], user: { id: 'alice' } });
const worker = await baton.startWorker({ tasks: [exportReport], concurrency: 4 });
try {
  // The connection to its database breaks at page 25; the second attempt goes on with it.
  const file = join(folder, 'sales.csv');
  const sales = await exportReport.with({ taskKey: file, taskName: 'Sales of May' }).schedule(file, 40, 25);
  await sales.onProgress(({ progress }) => console.log('progress', JSON.stringify(progress)));
  await sales.wait({ timeout: '1m' });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  console.log(`${sales.name}: ${sales.status} after ${sales.attempt} attempts, ${lines.length} rows in the file`);
  for (const { status, why } of sales.record.history) console.log(` ${status}${why === undefined ? '' : `: ${why}`}`);

  // Somebody changes his mind.
  const unwanted = join(folder, 'everything.csv');
  const everything = await exportReport.with({ taskName: 'Everything' }).schedule(unwanted, 100_000);
  for await (const { progress } of everything.events()) if (progress !== undefined) break;
  await everything.cancel();
  await everything.wait({ timeout: '1m' });
  console.log(`${everything.name}: ${everything.status}, file left behind: ${existsSync(unwanted)}`);
} finally {
  await worker.drain();
  await baton.close();
  rmSync(folder, { recursive: true });
}
