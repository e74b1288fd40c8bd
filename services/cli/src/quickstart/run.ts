import { connectMongo, createTaskViews } from '@baton/mongo';
import type { TaskDocument } from '@baton/protocols';
import { BatonError } from '@baton/runtime';
import { connect, type TaskHandle } from '@baton/sdk';
import { say, styled } from '../dev/terminal.ts';
import { progressView } from '../operator/progress-view.ts';
import { profileDatasets, type DatasetProfile } from './profile-datasets.ts';
import { showDocument, showOutcome } from './show.ts';

/** Public data sets of the package `vega-datasets`. */
const DATASETS = ['zipcodes.csv', 'species.csv', 'birdstrikes.csv'];

const PROJECTED_LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** Runs a real job before the reader's eyes. Throws BatonError `QUICKSTART_FAILED` when it does not succeed. */
export const runQuickstart = async (
  servers: { readonly natsUrl: string; readonly mongoUrl: string },
  signal: AbortSignal,
): Promise<void> => {
  const baton = await connect({ servers: servers.natsUrl, user: { id: 'alice' }, name: 'baton-quickstart' });
  const stop = (): void => void baton.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    say(`\n${styled('bold', 'Quick start')}: profile ${DATASETS.length} public data sets, column by column.\n`);
    const profile = profileDatasets.with({ taskKey: 'quickstart', taskName: 'Profile public data sets' });
    const [first, second] = await Promise.all([
      profile.schedule(...DATASETS),
      baton.as({ id: 'bob' }).within(() => profile.schedule(...DATASETS)),
    ]);
    const created = first.outcome === 'created' ? first : second;
    say(
      `  alice scheduled it: ${first.outcome}.  bob scheduled the same key: ${second.outcome}.  One task, two subscribers.`,
    );
    say(`  task ${created.uuid}\n`);
    await watch(created);
    showOutcome(created);
    showDocument(await projected(servers.mongoUrl, created.uuid, signal));
    if (created.status !== 'success')
      throw new BatonError('QUICKSTART_FAILED', `the quick-start job ended ${created.status}`);
    say(
      `\n  Next: the README shows the ten lines that make a task; ${styled('bold', 'protocols/README.md')} describes the record,`,
    );
    say('  the events and the document; services/cli/src/quickstart/profile-datasets.ts is the job you just watched.');
  } finally {
    signal.removeEventListener('abort', stop);
    await baton.close();
  }
};

const watch = async (handle: TaskHandle<readonly DatasetProfile[]>): Promise<void> => {
  const view = progressView('waiting for a worker');
  const live = await handle.onProgress(({ progress }) => {
    if (progress !== undefined) view.update(progress);
  });
  try {
    await handle.wait({ timeout: '5m' });
    if (handle.progress !== undefined) view.update(handle.progress);
  } finally {
    live.close();
    view.close();
  }
};

/** The document, once the projector has brought it to its end. */
const projected = async (mongoUrl: string, id: string, signal: AbortSignal): Promise<TaskDocument> => {
  const mongo = await connectMongo({ url: mongoUrl });
  try {
    const views = createTaskViews(mongo);
    const until = performance.now() + PROJECTED_LIMIT_MS;
    while (!signal.aborted && performance.now() < until) {
      const document = await views.get(id);
      if (document?.terminal) return document;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    throw new BatonError(
      'NOT_PROJECTED',
      `the task has ended, but its document did not come within ${PROJECTED_LIMIT_MS / 1_000} s`,
    );
  } finally {
    await mongo.close();
  }
};
