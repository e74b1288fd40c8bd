import { InvalidArgumentError, rebuildViews } from '@baton/runtime';
import { describeProgress } from '@baton/core';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson } from '../output.ts';
import { progressView, silentView, type ProgressView } from '../progress-view.ts';
import type { Session } from '../session.ts';

/** Makes the documents anew from the event log and the bucket (behaviour P4). Safe while projectors run, and to repeat. */
export const rebuild = async (session: Session): Promise<number> => {
  if (!session.actor.admin)
    throw new InvalidArgumentError("rebuild is an operator's: leave --user out, or add --admin");
  const [ports, views] = [await session.ports(), await session.views()];
  await views.ensureIndexes();
  let phase = '';
  let view: ProgressView = silentView;
  const began = performance.now();
  try {
    const report = await rebuildViews(ports, views, {
      onProgress: (progress) => {
        if (!session.json && progress.phase !== phase) {
          view.close();
          phase = progress.phase;
          const what = phase === 'log' ? 'events' : 'records';
          view = progressView(what, { textOf: (now) => `${what}: ${describeProgress(now)}` });
        }
        view.update({ current: Math.min(progress.done, progress.total), total: progress.total });
      },
    });
    view.close();
    const { versions, documents, aside } = report;
    const tookMs = Math.round(performance.now() - began);
    if (session.json) sayJson({ versions, documents, put_aside: aside, took_ms: tookMs });
    else
      say(
        `${documents} documents written from ${versions} versions in ${(tookMs / 1_000).toFixed(1)} s${aside > 0 ? `; ${aside} put aside` : ''}`,
      );
    return exitCodes.ok;
  } finally {
    view.close();
  }
};
