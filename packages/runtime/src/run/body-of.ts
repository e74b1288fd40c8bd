import type { Fence } from '@baton/core';
import type { Held } from '../kernel.ts';
import { ThreadBody } from '../thread/thread-body.ts';
import type { ThreadPool } from '../thread/thread-pool.ts';
import type { Body, BodyOwner } from './body.ts';
import type { Threw } from './body-end.ts';
import type { TaskDefinition } from './definition.ts';
import { factsOf } from './facts.ts';
import { LocalBody } from './local-body.ts';

type Parts = {
  readonly claimed: Held;
  readonly definition: TaskDefinition;
  readonly threads: ThreadPool;
  /** Largest encoded result, bytes. */
  readonly dataLimit: number;
  readonly throttleMs: number;
};

/** The body of a run, here or in a thread. The definition of the process that runs it decides, not that of the submitter. */
export const bodyOf = (parts: Parts, fence: Fence, owner: BodyOwner): Body => {
  const { definition, threads, dataLimit: resultLimit } = parts;
  const facts = factsOf(parts.claimed.record, fence);
  if (definition.thread === undefined) return new LocalBody({ definition, facts, owner, resultLimit });
  const everyUpdate = parts.throttleMs === 0;
  return new ThreadBody({ threads, kind: definition.thread, facts, owner, resultLimit, everyUpdate });
};

export const threadEnded = (why: string): Threw => ({
  kind: 'threw',
  error: { message: `${why}: its thread was ended`, type: 'ThreadEndedError' },
});
