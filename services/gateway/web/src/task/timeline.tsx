import { clockText, durationText, exactText } from '../time/durations.ts';
import { StatusIcon } from './status.tsx';
import { statusWord, type TaskDetail, type Transition } from './task.ts';

/** Every transition there was: when, after how long, by whom and why (behaviour L10). */
export const Timeline = ({ task }: { readonly task: TaskDetail }) => (
  <section class="panel" aria-label="History">
    <header>
      <h2>History</h2>
      {task.maxAttempts > 1 && (
        <span class="muted">
          {task.failures} {task.failures === 1 ? 'failure' : 'failures'}, attempt {task.attempt} of {task.maxAttempts}
        </span>
      )}
    </header>
    <ol class="timeline">
      {task.history.map((entry, index) => (
        <Entry key={index} entry={entry} before={task.history[index - 1]} />
      ))}
    </ol>
    {task.historyDropped > 0 && (
      <p class="muted">{task.historyDropped} entries in the middle were left out: the record keeps so many.</p>
    )}
  </section>
);

const Entry = ({ entry, before }: { readonly entry: Transition; readonly before: Transition | undefined }) => (
  <li class={entry.status}>
    <StatusIcon status={entry.status} />
    <div class="entry">
      <p>
        <strong>{statusWord(entry.status)}</strong>
        <span class="muted"> {byWords(entry.by)}</span>
        {entry.attempt > 1 && <span class="tag">attempt {entry.attempt}</span>}
      </p>
      <time class="muted" dateTime={new Date(entry.at).toISOString()} data-tip={exactText(entry.at)}>
        {clockText(entry.at)}
      </time>
      {before !== undefined && <p class="faint">after {durationText((entry.at - before.at) / 1_000)}</p>}
      {entry.why !== undefined && <p class="why">{entry.why}</p>}
    </div>
  </li>
);

/** `user:alice` -> by alice. */
const byWords = (by: string): string => `by ${by.startsWith('user:') ? by.slice(5) : by.replace(':', ' ')}`;
