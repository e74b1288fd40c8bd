import type { Fence } from '@baton/core';
import { ThreadBody } from '../thread/thread-body.ts';
import type { Body, BodyOwner } from './body.ts';
import type { Threw } from './body-end.ts';
import { factsOf } from './facts.ts';
import { LocalBody } from './local-body.ts';
import type { RunSettings } from './run-settings.ts';

/** The body of a run, here or in a thread. The definition of the process that runs it decides, not that of the submitter. */
export const bodyOf = (settings: RunSettings, fence: Fence, owner: BodyOwner): Body => {
  const { definition, threads, dataLimit: resultLimit } = settings;
  const facts = factsOf(settings.claimed.record, fence);
  if (definition.thread === undefined) {
    const { span } = settings;
    const parts = { definition, facts, owner, resultLimit };
    return new LocalBody(span === undefined ? parts : { ...parts, within: span.within });
  }
  const everyUpdate = settings.throttleMs === 0;
  return new ThreadBody({ threads, kind: definition.thread, facts, owner, resultLimit, everyUpdate });
};

export const threadEnded = (why: string): Threw => ({
  kind: 'threw',
  error: { message: `${why}: its thread was ended`, type: 'ThreadEndedError' },
});
