import { isOwnType } from '@baton/protocols';
import type { TaskHandle } from '@baton/sdk';
import { lookAtNodes, type SeenNode } from './commands/workers.ts';
import { plain, timeText } from './output.ts';
import type { Session } from './session.ts';

const LOOK_EVERY_MS = 5_000;

/** A live worker takes tasks of this type from this queue; one that drains takes nothing more. */
export const isServed = (nodes: readonly SeenNode[], type: string, queue: string): boolean =>
  takers(nodes, type).some(({ queues = [] }) => queues.includes(queue));

/** Why nobody takes it, and what helps. A worker that has the task and another queue is the likeliest mistake. */
export const unservedText = (nodes: readonly SeenNode[], type: string, queue: string): string => {
  const elsewhere = [...new Set(takers(nodes, type).flatMap(({ queues = [] }) => queues))];
  const where = elsewhere.length === 0 ? '' : `, but in ${elsewhere.join(', ')}`;
  return `no worker serves ${type} in the queue ${queue}${where}`;
};

const takers = (nodes: readonly SeenNode[], type: string): readonly SeenNode[] =>
  nodes.filter(
    ({ role, alive, state, types = [] }) => role === 'worker' && alive && state !== 'draining' && types.includes(type),
  );

/** Tells, until `isOver`, why a task has not started: its time has not come, nobody serves it, all who do are busy. */
export const tellWhyItWaits = async (
  session: Session,
  handle: TaskHandle,
  tell: (text: string) => void,
  isOver: () => boolean,
): Promise<void> => {
  const { presence, clock } = await session.ports();
  while (!isOver()) {
    const { type, record } = handle;
    const { queue, runAt } = record;
    if (handle.status === 'pending') {
      if (runAt !== undefined && runAt > clock.now()) tell(`not before ${timeText(new Date(runAt))} UTC`);
      else {
        const nodes = await lookAtNodes({ presence });
        if (isOver() || handle.status !== 'pending') continue;
        if (isServed(nodes, type, queue)) tell('waiting for a worker');
        else if (isOwnType(type)) tell('no gateway is there to run it; start one: baton gateway');
        else {
          const advice = `start one: baton worker --tasks … --queues ${queue}`;
          tell(plain(`${unservedText(nodes, type, queue)}; ${advice}`));
        }
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
  }
};
