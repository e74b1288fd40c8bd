// uvu, made unable to pass by accident.
//
// Alone, uvu exits 0 when a file forgets `.run()`, when a hook throws and when a test throws something that is not an
// Error; and it has no time limit. So every test goes through here: it is counted when declared and when finished, the
// two are compared as the process leaves, and there are no hooks - a test builds what it needs and hands the undoing
// to `defer`.
import { suite as uvuSuite } from 'uvu';
import { openReport } from './report.ts';
import { asError, type TestBody, underLimit } from './test-body.ts';

export type { TestBody, TestContext } from './test-body.ts';

export type TestOptions = {
  /** How long the body may take, in milliseconds; its cleanups get the same again. Default 10,000. */
  limitMs?: number;
};

export type Suite = {
  (title: string, body: TestBody, options?: TestOptions): void;
  /** Must stand at the end of the file: without it nothing runs, and the process exits 1. */
  readonly run: () => void;
};

const defaultLimitMs = 10_000;
const report = openReport();

export const suite = (name: string): Suite => {
  const inner = uvuSuite(name);
  const test = (title: string, body: TestBody, { limitMs = defaultLimitMs }: TestOptions = {}): void => {
    report.declared(`${name}: ${title}`);
    inner(title, async () => {
      try {
        await underLimit(body, limitMs);
        report.passed(`${name}: ${title}`);
      } catch (thrown) {
        report.failed(`${name}: ${title}`);
        throw asError(thrown);
      }
    });
  };
  return Object.assign(test, { run: () => inner.run() });
};
