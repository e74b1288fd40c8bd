// uvu, made unable to pass by accident.
//
// Alone, uvu exits 0 when a file forgets `.run()`, when a hook throws and when a test throws something that is not an
// Error; and it has no time limit. So every test goes through here: it is counted when declared and when finished, the
// two are compared as the process leaves, and there are no hooks - a test builds what it needs and hands the undoing
// to `defer`; what several tests of a file share is undone by the last of them, see `after`.
import { suite as uvuSuite } from 'uvu';
import { openReport } from './report.ts';
import { asError, type TestBody, underLimit } from './test-body.ts';

export type { TestBody, TestContext } from './test-body.ts';

export type TestOptions = {
  /** How long the body takes at most on a quiet machine, in milliseconds; its cleanups get the same again. Default 10,000. */
  limitMs?: number;
};

export type Suite = {
  (title: string, body: TestBody, options?: TestOptions): void;
  /** Undoes what the tests of this suite share: a cleanup of the last test, whose failure it is when it throws. */
  readonly after: (cleanup: () => unknown) => void;
  /** Must stand at the end of the file: without it nothing runs, and the process exits 1. */
  readonly run: () => void;
};

const defaultLimitMs = 10_000;
const report = openReport();

export const suite = (name: string): Suite => {
  const inner = uvuSuite(name);
  const shared: (() => unknown)[] = [];
  let left = 0;
  const undoShared = async (): Promise<void> => {
    for (let next = shared.pop(); next; next = shared.pop()) await next();
  };
  const test = (title: string, body: TestBody, { limitMs = defaultLimitMs }: TestOptions = {}): void => {
    report.declared(`${name}: ${title}`, title);
    left++;
    inner(title, async () => {
      const isLast = --left === 0;
      try {
        await underLimit((context) => {
          if (isLast) context.defer(undoShared); // first in, so last out
          return body(context);
        }, limitMs);
        report.passed(`${name}: ${title}`);
      } catch (thrown) {
        const error = asError(thrown);
        report.failed(`${name}: ${title}`, error);
        throw error;
      }
    });
  };
  return Object.assign(test, {
    after: (cleanup: () => unknown) => void shared.push(cleanup),
    run: () => inner.run(),
  });
};
