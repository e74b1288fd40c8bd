/** TypeScript that no Node reads by itself: an enum, and a file imported by the name its JavaScript would have. */
export const TASKS = `
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { getContext, task } from '@baton/sdk';
import { loud } from './loud.js';

enum Pause { Ms = 20 }

export const shout = task({ name: 'shout', timeout: '1m' }, (text: string) => {
  getContext().updateTask({ progress: [1, 1] });
  return loud(text);
});
export const apart = task(
  { name: 'apart', isolation: 'thread', module: import.meta.url },
  (n: number) => ({ isMainThread, squared: n * n }),
);
export const waits = task({ name: 'waits' }, async (file: string) => {
  while (!existsSync(file)) await pause(Pause.Ms);
  return loud('waited');
});
`;

export const loud = (mark: string): string =>
  `export const loud = (text: string): string => text.toUpperCase() + '${mark}';\n`;

/** What the types of the SDK refuse, in a strict project: what is wrong is an error there. */
export const WRONG = `
import { shout } from './tasks.js';

// @ts-expect-error it takes a text
export const wrong = () => shout.schedule(1);
export const right = async (): Promise<string | undefined> => (await shout.schedule('a')).result;
`;

export const KIT = `
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TerminalError, task } from '@baton/sdk';
import { createTestBaton } from '@baton/testkit';
import { shout } from './tasks.js';

test('a task runs, and one that fails for good is not tried again', async () => {
  const t = await createTestBaton();
  const fails = task({ name: 'fails', retry: { maxAttempts: 3 } }, () => {
    throw new TerminalError('never');
  });
  await t.startWorker({ tasks: [shout, fails] });
  const job = await t.run(() => shout.schedule('abc'));
  await t.run(() => job.wait());
  assert.deepEqual([job.status, job.result], ['success', 'ABC!']);
  const failed = await t.run(() => fails.schedule());
  await t.run(() => failed.wait());
  assert.deepEqual([failed.status, failed.attempt], ['failure', 1]);
  await t.close();
});
`;

const CONFIG = {
  compilerOptions: {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
    ...{ target: 'es2023', lib: ['es2023'], types: ['node'], rootDir: 'src', outDir: 'out' },
  },
  include: ['src'],
};
export const configFor = (module: string, moduleResolution: string): string =>
  JSON.stringify({ ...CONFIG, compilerOptions: { ...CONFIG.compilerOptions, module, moduleResolution } });

/** Pages import the client of NATS as well, whose own types do not hold where `exactOptionalPropertyTypes` looks at them. */
export const HANDBOOK_CONFIG = JSON.stringify({
  compilerOptions: {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
    ...{ target: 'es2023', lib: ['es2023'], types: ['node'], module: 'nodenext', moduleResolution: 'nodenext' },
  },
  include: ['handbook'],
});
