import type { TaskEvent } from './event.ts';
import { withNewer } from './newer-spec.ts';
import type { Millis, Priority, Subscriber, Successor, TaskId, TaskRecord, UserId } from './task.ts';

/**
 * What waits behind a task (behaviour D5). Only the last can be alive: those before it were cancelled while they waited.
 * They are released once that is stored; where nobody came to it, each becomes a record of its own in its turn.
 */
export const successorsOf = (record: TaskRecord | undefined): readonly Successor[] => {
  const list: Successor[] = [];
  for (let next = record?.successor; next !== undefined; next = next.next) list.push(next);
  return list;
};

/** Successors that may stand in a record; beyond that those that were cancelled are released with the next one. */
export const SUCCESSOR_LIMIT = 8;

/** The one that will run: further submits join it. */
export const liveSuccessorOf = (record: TaskRecord | undefined): Successor | undefined => {
  const last = successorsOf(record).at(-1);
  return last?.cancelled === undefined ? last : undefined;
};

export type SuccessorEvent = Extract<TaskEvent, { kind: `successor-${string}` }>;
export type SuccessorsReleased = Extract<TaskEvent, { kind: 'successors-released' }>;

/** The successors of a task after `event`, which speaks of the last of them. */
export const evolveSuccessor = (first: Successor | undefined, event: SuccessorEvent): Successor | undefined => {
  if (first?.next !== undefined) return { ...first, ...nextOf(evolveSuccessor(first.next, event)) };
  if (event.kind === 'successor-queued') {
    const { spec, at, user } = event;
    const subscribers = event.subscribers ?? withSubscriber([], user, at);
    const queued: Successor = { spec, subscribers, createdAt: at };
    return first === undefined ? queued : { ...first, next: queued };
  }
  return first === undefined ? undefined : changed(first, event);
};

const nextOf = (next: Successor | undefined) => (next === undefined ? {} : { next });

const changed = (successor: Successor, event: Exclude<SuccessorEvent, { kind: 'successor-queued' }>): Successor => {
  const { subscribers } = successor;
  switch (event.kind) {
    case 'successor-joined':
      return {
        ...successor,
        subscribers: withSubscriber(subscribers, event.user, event.at),
        dedupeCount: (successor.dedupeCount ?? 0) + 1,
      };
    case 'successor-replaced':
      return {
        ...successor,
        spec: withNewer(successor.spec, event.spec),
        subscribers: withSubscriber(subscribers, event.user, event.at),
        dedupeCount: (successor.dedupeCount ?? 0) + 1,
      };
    case 'successor-ends-noted':
      return { ...successor, spec: { ...successor.spec, dependsOn: event.dependsOn } };
    case 'successor-unsubscribed':
      return { ...successor, subscribers: subscribers.filter((s) => s.user !== event.user) };
    case 'successor-cancelled':
      return { ...successor, cancelled: { at: event.at, by: event.by, ...whyOf(event) } };
  }
};

const whyOf = ({ why }: { readonly why?: string }) => (why === undefined ? {} : { why });

/** Somebody waits for the end of the one with that id. */
export const withAwaited = (first: Successor, id: TaskId): Successor => {
  if (first.spec.id === id) return { ...first, spec: { ...first.spec, awaited: true } };
  return first.next === undefined ? first : { ...first, next: withAwaited(first.next, id) };
};

export const withPriority = (first: Successor, id: TaskId, priority: Priority): Successor => {
  if (first.spec.id === id) return { ...first, spec: { ...first.spec, priority } };
  return first.next === undefined ? first : { ...first, next: withPriority(first.next, id, priority) };
};

/** Only the last can be alive. */
export const withoutCancelled = (first: Successor | undefined): Successor | undefined => {
  let last = first;
  while (last?.next !== undefined) last = last.next;
  return last?.cancelled === undefined ? last : undefined;
};

/** A user stands in a list of subscribers once, with the time he came first. */
export const withSubscriber = (
  subscribers: readonly Subscriber[],
  user: UserId | undefined,
  at: Millis,
): readonly Subscriber[] =>
  user === undefined || subscribers.some((s) => s.user === user) ? subscribers : [...subscribers, { user, at }];
