import { canOpen, isSubscriber } from './access.ts';
import type { Actor } from './actor.ts';
import type { ClientCommand } from './command.ts';
import type { Former } from './former.ts';
import { byUser, refuse, type Decision } from './decision.ts';
import { failedDependency } from './dependency.ts';
import { submitAs, type Submission } from './submit.ts';
import { isTerminal, type Subscriber, type TaskRecord, type TaskSpec } from './task.ts';

type Retry = Extract<ClientCommand, { kind: 'retry' }>;

/**
 * Runs an ended task again (behaviour R7): a submit of the same key, arguments and options, so it joins what is active. A
 * task that had no key of its own has its id as key, so whoever presses twice gets one.
 *
 * Who waited for it retries it for himself. Anybody else who may, an admin or a service, does it for those who waited:
 * they see the new task as they saw the old one, and he does not become one of them.
 *
 * What it waited for has ended, and is at hand as it was. Where that has failed it stays failed, so there is nothing to
 * repeat: whoever has repeated that submits this one anew, behind the new one.
 */
export const decideRetry = (record: TaskRecord | undefined, command: Retry): Decision => {
  const { actor, at, whenAborting } = command;
  // The record is never older than the document.
  const former: Former = record?.id === command.former.id ? record : command.former;
  if (!canOpen(former, actor)) return refuse('not_found');
  if (!isTerminal(former.status)) return refuse('not_ended');
  if (failedDependency(former) !== undefined) return refuse('dependency_failed');
  const forOthers = isForOthers(former, actor);
  const submission: Submission = {
    at,
    actor,
    spec: specOf(former, command, forOthers),
    whenAborting,
    why: `retry of ${former.id}`,
    ...(forOthers ? { subscribers: former.subscribers.map(({ user }): Subscriber => ({ user, at })) } : {}),
  };
  return submitAs(record, submission, byUser(actor.user));
};

const isForOthers = (former: Former, actor: Actor): boolean => {
  switch (former.scope) {
    case 'private':
      return actor.user !== former.creator;
    case 'shared':
      return !isSubscriber(former, actor);
    case 'system':
      return false;
  }
};

const specOf = (former: Former, { id, actor, args, trace, operation }: Retry, forOthers: boolean): TaskSpec => {
  const { type, key, name, scope, queue, priority, group, limitKey, units, tags, policy, dependsOn } = former;
  const creator = forOthers ? former.creator : actor.user;
  return {
    id,
    type,
    key,
    name,
    scope,
    ...(creator === undefined ? {} : { creator }),
    ...(args === undefined ? {} : { args }),
    queue,
    priority,
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    mode: 'async',
    policy,
    retriedFrom: former.id,
    ...(dependsOn === undefined ? {} : { dependsOn }),
    ...(operation === undefined ? {} : { operation }),
    ...trace,
  };
};
