// What happened in this process, for the exit code and for the runner (test/run.mjs).
import { writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

export type FileReport = {
  declared: number;
  passed: number;
  failed: string[];
  /** Why, in the order of `failed`. */
  reasons: string[];
  unfinished: string[];
  /** Every test by its own title, for the table of behaviour rows. */
  tests: { title: string; passed: boolean }[];
};

/** A process that holds on for this long after its last test has left something open: a connection, a timer, a child. */
const lingerMs = 3_000;

export const openReport = () => {
  const unfinished = new Set<string>();
  const failed: string[] = [];
  const reasons: string[] = [];
  const titles = new Map<string, string>();
  const good = new Set<string>();
  let declared = 0;
  let passed = 0;

  const settle = (title: string): void => {
    unfinished.delete(title);
    if (unfinished.size > 0) return;
    setTimeout(() => {
      if (unfinished.size > 0) return;
      console.error(
        `The tests are over, but the process is held open by: ${process.getActiveResourcesInfo().join(', ')}`,
      );
      process.exit(1);
    }, lingerMs).unref();
  };

  process.on('exit', () => {
    for (const title of unfinished) console.error(`Declared, but never finished: ${title}`);
    if (declared === 0) console.error('No test was declared in this file.');
    if (declared === 0 || unfinished.size > 0 || failed.length > 0) process.exitCode = 1;
    const path = process.env['BATON_TEST_REPORT'];
    const tests = [...titles].map(([full, title]) => ({ title, passed: good.has(full) }));
    const report: FileReport = { declared, passed, failed, reasons, unfinished: [...unfinished], tests };
    if (path) writeFileSync(path, JSON.stringify(report));
  });

  return {
    /** `full` names the suite too. */
    declared(full: string, title: string): void {
      if (unfinished.has(full)) throw new Error(`two tests with one name: ${full}`);
      declared++;
      unfinished.add(full);
      titles.set(full, title);
    },
    passed(full: string): void {
      passed++;
      good.add(full);
      settle(full);
    },
    failed(full: string, thrown: Error): void {
      failed.push(full);
      reasons.push(detailOf(thrown));
      settle(full);
    },
  };
};

const REASON_LINES = 25;

/** What was thrown, without colours: of a comparison also its sides. */
const detailOf = (thrown: Error): string => {
  const details: unknown = 'details' in thrown ? thrown.details : undefined;
  const text = typeof details === 'string' ? `${thrown.message}\n${details}` : (thrown.stack ?? thrown.message);
  return stripVTControlCharacters(text).trimEnd().split('\n').slice(0, REASON_LINES).join('\n');
};
