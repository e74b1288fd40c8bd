import { useEffect, useState } from 'preact/hooks';
import { servedTypes } from '../api/tasks.ts';
import { useApp } from '../shell/app-context.ts';
import type { Task } from './task.ts';

/** For a task that nobody takes: the queues from which its type is taken, if there are any. */
export const ServedElsewhere = ({ task: { type, queue } }: { readonly task: Pick<Task, 'type' | 'queue'> }) => {
  const { server } = useApp();
  const [queues, setQueues] = useState<readonly string[]>([]);
  useEffect(() => {
    servedTypes(server).then(
      (types) => setQueues(types.find((served) => served.type === type && served.workers > 0)?.queues ?? []),
      () => undefined, // a help only: what was said before is true without it
    );
  }, [type]);
  const others = queues.filter((other) => other !== queue);
  if (others.length === 0) return null;
  return <> Workers serve it in queue {others.join(', ')}.</>;
};
