import { createWriteStream } from 'node:fs';
import { rm, stat, truncate } from 'node:fs/promises';
import { once } from 'node:events';
import { getContext, task } from '@baton/sdk';

export type Report = { readonly file: string; readonly rows: number };

/** How far a former attempt had come: the rows that are in the file for good, and where they end. */
type Done = { readonly rows: number; readonly bytes: number };

const ROWS_A_PAGE = 50;

/** Stands for a query: the same page is always the same. */
const readPage = async (page: number): Promise<readonly string[]> => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return Array.from({ length: ROWS_A_PAGE }, (_, i) => {
    const id = page * ROWS_A_PAGE + i + 1;
    return `${id},customer ${id % 17},${((id * 37) % 1_000) / 10}`;
  });
};

/**
 * Writes a table into a file, page by page. After each it tells how far it is; the next attempt goes on from there. Who
 * cancels it finds no half file.
 */
export const exportReport = task(
  {
    name: 'export_report',
    title: 'Report as CSV',
    timeout: '5m',
    retry: { maxAttempts: 3, backoff: { initial: '200ms' } },
    argsSchema: {
      type: 'array',
      prefixItems: [
        { type: 'string', title: 'file' },
        { type: 'integer', minimum: 1, title: 'pages' },
      ],
      minItems: 2,
    },
  },
  async (file: string, pages: number, breaksAt?: number): Promise<Report> => {
    const { attempt, log, onAbort, onCleanup, previous, signal, updateTask } = getContext();
    let unwanted = false;
    onAbort(() => {
      unwanted = true;
    });
    // When the body has ended, so that nothing is written behind it. A drain is no abort: the file is gone on with.
    onCleanup(async () => {
      if (unwanted) await rm(file, { force: true });
    });

    const done = (previous.payload as Done | undefined) ?? { rows: 0, bytes: 0 };
    // What was written behind it, nobody was told of.
    if (done.bytes > 0) await truncate(file, done.bytes);
    const out = createWriteStream(file, { flags: done.bytes > 0 ? 'a' : 'w' });
    log.info({ attempt, from: done.rows }, 'export begins');
    try {
      for (let page = done.rows / ROWS_A_PAGE; page < pages; page++) {
        signal.throwIfAborted();
        if (attempt === 1 && page === breaksAt) throw new Error('the database went away');
        if (!out.write(`${(await readPage(page)).join('\n')}\n`)) await once(out, 'drain');
        await new Promise<void>((resolve) => out.write('', () => resolve()));
        const { size } = await stat(file);
        updateTask({ progress: [page + 1, pages], payload: { rows: (page + 1) * ROWS_A_PAGE, bytes: size } });
      }
    } finally {
      await new Promise<void>((resolve) => out.end(resolve));
    }
    return { file, rows: pages * ROWS_A_PAGE };
  },
);
