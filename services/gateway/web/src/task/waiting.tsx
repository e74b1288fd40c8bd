import { useEffect, useState } from 'preact/hooks';
import { whyTask, type WhyAnswer } from '../api/tasks.ts';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { Icon } from '../ui/icons.tsx';
import type { Task } from './task.ts';

/** Its place changes without the task changing: asked again this often, while the page is looked at. */
const EVERY_MS = 5_000;

type Props = { readonly task: Pick<Task, 'uuid' | 'revision'> };

/** Why a pending task has not started. Asked of the host of its queue as long as it is shown, and of nobody otherwise. */
const useWhy = ({ uuid, revision }: Props['task']): WhyAnswer | 'failed' | undefined => {
  const { server } = useApp();
  const [why, setWhy] = useState<WhyAnswer | 'failed' | undefined>(undefined);
  useEffect(() => {
    const stopped = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        setWhy(await whyTask(server, uuid, stopped.signal));
      } catch {
        // What was said before stays.
        if (!stopped.signal.aborted) setWhy((before) => before ?? 'failed');
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY_MS);
    return () => {
      stopped.abort();
      clearInterval(timer);
    };
  }, [uuid, revision]);
  return why;
};

/** In the words of the server. */
const Reasons = ({ why }: { readonly why: WhyAnswer }) => {
  const holders = why.reasons.flatMap((reason) => reason.holders ?? []);
  return (
    <>
      <ul class="reasons">
        {why.text.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {holders.length > 0 && (
        <p class="muted holders">
          These hold it:
          {holders.map(({ uuid, task_name: name }) => (
            <Link key={uuid} to={{ view: 'task', uuid }}>
              {name}
            </Link>
          ))}
        </p>
      )}
    </>
  );
};

/** On the page of the task. */
export const Waiting = ({ task }: Props) => {
  const why = useWhy(task);
  if (why === undefined || why === 'failed' || !why.waits) return null;
  return (
    <section class="panel" aria-label="Why it waits">
      <header>
        <h2>
          <Icon name="clock" />
          Why it waits
        </h2>
      </header>
      <Reasons why={why} />
    </section>
  );
};

/** Behind the sign of a row. */
export const WaitingInfo = ({ task }: Props) => {
  const why = useWhy(task);
  return (
    <>
      <h2>Why it waits</h2>
      {why === undefined && <p class="muted">Asking its queue…</p>}
      {why === 'failed' && <p class="muted">It cannot be asked now.</p>}
      {why !== undefined && why !== 'failed' && <Reasons why={why} />}
    </>
  );
};
