import { durationText, exactText, relativeText, tickingText } from '../time/durations.ts';
import { useNow } from '../time/clock.ts';
import { durationSeconds, type Task } from './task.ts';

/** `3 min. ago`; the exact time is the tooltip. */
export const RelativeTime = ({ at }: { readonly at: number }) => {
  const now = useNow(true);
  return (
    <time dateTime={new Date(at).toISOString()} data-tip={exactText(at)}>
      {relativeText(at, now)}
    </time>
  );
};

export const Duration = ({ task }: { readonly task: Task }) => {
  const ticking = task.startedAt !== undefined && task.endedAt === undefined && task.status !== 'pending';
  const now = useNow(ticking);
  const seconds = durationSeconds(task, now);
  if (seconds === undefined) return <span class="faint">–</span>;
  return <span class={ticking ? 'ticking' : ''}>{ticking ? tickingText(seconds) : durationText(seconds)}</span>;
};
