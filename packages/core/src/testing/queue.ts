import type { ReadyTask } from '../queue/entry.ts';
import { decideSettings, evolveSettings, type QueueSettings, type SettingsCommand } from '../queue/settings.ts';
import type { TaskQueue } from '../queue/task-queue.ts';
import { ROOT } from './make.ts';

/** What tests of a task queue do over and over. For tests only. */

export const OFFER_MS = 1_000;

export const task = (address: string, order: number, more: Partial<ReadyTask> = {}): ReadyTask => ({
  ...{ address, revision: order, order, priority: 'normal', type: 'job' },
  ...more,
});

export const worker = (queue: TaskQueue, id: string, credit: number, types: readonly string[] = ['job']): void => {
  queue.serve(id, new Set(types));
  queue.credit(id, credit);
};

export const deal = (queue: TaskQueue, now = 0): Record<string, string[]> =>
  Object.fromEntries([...queue.deal(now)].map(([id, offers]) => [id, offers.map(({ address }) => address)]));

export type Wish = SettingsCommand extends infer C
  ? C extends unknown
    ? Omit<C, 'at' | 'actor' | 'queue'>
    : never
  : never;

/** After these changes by an admin. */
export const settingsOf = (...wishes: Wish[]): QueueSettings | undefined => {
  let settings: QueueSettings | undefined;
  for (const wish of wishes) {
    const decision = decideSettings(settings, { at: 1, actor: ROOT, queue: 'q', ...wish });
    if (!decision.ok && decision.refusal.reason === 'nothing_set') continue;
    if (!decision.ok) throw new Error(`refused: ${decision.refusal.reason}`);
    for (const event of decision.events) settings = evolveSettings(settings, event);
  }
  return settings;
};
