import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { getContext, TaskScope, task, TerminalError } from '@baton/sdk';
import { parse } from 'csv-parse';
import { ColumnStatistics, type ColumnProfile } from './column.ts';

export type DatasetProfile = {
  readonly dataset: string;
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
};

/** Rows between two reports, and between two turns of the event loop for everybody else. */
const REPORT_EVERY = 250;

/**
 * The job of the quick start: statistics of every column of public data sets, in one pass over each file. It reports
 * rows, shows running figures as payload, closes its file whatever happens, and stops when it is told to.
 */
export const profileDatasets = task(
  { name: 'profile_datasets', scope: TaskScope.Shared, timeout: '5m', retry: { maxAttempts: 3 } },
  async (...datasets: string[]): Promise<readonly DatasetProfile[]> => {
    const { signal } = getContext();
    const files = datasets.map((dataset) => ({ dataset, path: pathOf(dataset) }));
    let total = 0;
    for (const { path } of files) total += await countRows(path);
    const profiles: DatasetProfile[] = [];
    let before = 0;
    for (const { dataset, path } of files) {
      signal.throwIfAborted();
      const profile = await profileFile(dataset, path, before, total);
      profiles.push(profile);
      before += profile.rows;
    }
    return profiles;
  },
);

const profileFile = async (dataset: string, path: string, before: number, total: number): Promise<DatasetProfile> => {
  const { signal, onCleanup, updateTask } = getContext();
  const file = createReadStream(path);
  onCleanup(() => file.destroy());
  const columns: ColumnStatistics[] = [];
  let rows = -1;
  const report = (): void =>
    updateTask({
      progress: [Math.min(before + Math.max(0, rows), total), total],
      payload: { dataset, columns: Object.fromEntries(columns.map((column) => [column.name, column.summary()])) },
    });
  for await (const row of file.pipe(parse({ relax_column_count: true })) as AsyncIterable<string[]>) {
    // Thrown and not returned: what is half done is no result, also where the worker only drains.
    signal.throwIfAborted();
    if (rows === -1) row.forEach((name) => columns.push(new ColumnStatistics(name)));
    else row.forEach((value, i) => columns[i]?.add(value));
    rows++;
    if (rows % REPORT_EVERY === 0) {
      report();
      await new Promise(setImmediate);
    }
  }
  report();
  return { dataset, rows: Math.max(0, rows), columns: columns.map((column) => column.profile()) };
};

const NAME = /^[a-z0-9-]{1,60}\.csv$/;

const pathOf = (dataset: string): string => {
  if (!NAME.test(dataset)) throw new TerminalError(`not the name of a data set: ${JSON.stringify(dataset)}`);
  const { resolve } = createRequire(import.meta.url);
  return join(dirname(resolve('vega-datasets')), '..', 'data', dataset);
};

/** Lines after the header. */
const countRows = async (path: string): Promise<number> => {
  let lines = 0;
  let last = 10;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
    last = chunk.at(-1) ?? last;
  }
  return Math.max(0, last === 10 ? lines - 1 : lines);
};
