import { InvalidArgumentError, checkPruneRule, prune as pruneViews, type PruneRule } from '@baton/runtime';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson } from '../output.ts';
import { progressView, silentView } from '../progress-view.ts';
import type { Session } from '../session.ts';

export type PruneOptions = { readonly days: number; readonly maxRows: number; readonly dryRun?: boolean };

const DAY_MS = 86_400_000;

/** Deletes what ended long enough ago (behaviour R1). Ctrl-C ends it between two batches; run it again to go on. */
export const prune = async (session: Session, options: PruneOptions): Promise<number> => {
  if (!session.actor.admin) throw new InvalidArgumentError("prune is an operator's: leave --user out, or add --admin");
  const rule: PruneRule = { retentionPeriodDays: options.days, maxRowsPerRun: options.maxRows };
  checkPruneRule(rule);
  const views = await session.views();
  if (options.dryRun) {
    const there = await views.countEnded(options.days === 0 ? undefined : Date.now() - options.days * DAY_MS);
    const tasks = options.maxRows === 0 ? there : Math.min(there, options.maxRows);
    if (session.json) sayJson({ dry_run: true, tasks });
    else say(`${tasks} tasks would be deleted`);
    return exitCodes.ok;
  }
  const { data, clock } = await session.ports();
  const view = session.json ? silentView : progressView('looking for what ended long enough ago');
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  try {
    const report = await pruneViews(
      { views, data, clock },
      {
        ...rule,
        signal: stopping.signal,
        onProgress: ({ done, total }) => view.update({ current: Math.min(done, total), total }),
      },
    );
    view.close();
    const { tasks, objects, batches, tookMs, complete } = report;
    if (session.json) sayJson({ tasks, objects, batches, took_ms: Math.round(tookMs), complete });
    else
      say(
        `${tasks} tasks and ${objects} objects deleted in ${(tookMs / 1_000).toFixed(1)} s` +
          (complete ? '' : '; more are left: run it again'),
      );
    return exitCodes.ok;
  } finally {
    view.close();
    process.off('SIGINT', stop);
  }
};
