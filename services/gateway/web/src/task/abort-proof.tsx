import { clockText, durationText, exactText } from '../time/durations.ts';
import { Icon } from '../ui/icons.tsx';
import type { Abort, TaskDetail } from './task.ts';

type Step = { readonly name: string; readonly text: string; readonly at: number | undefined };

/** How far a cancel, or a timeout, has come (behaviour A11). */
export const AbortProof = ({ task, abort }: { readonly task: TaskDetail; readonly abort: Abort }) => {
  const title = TITLES[abort.cause] ?? 'Abort';
  const steps: readonly Step[] = [
    { name: 'Requested', text: `by ${abort.requestedBy.replace(/^user:/, '')}`, at: abort.requestedAt },
    { name: 'Delivered', text: 'the worker has it', at: abort.deliveredAt },
    { name: 'Observed', text: 'handlers run', at: abort.observedAt },
    { name: 'Stopped', text: abort.forced ? 'by force' : 'the body returned', at: abort.stoppedAt },
  ];
  const isOver = task.endedAt !== undefined;
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {abort.stoppedAt !== undefined && (
          <span class="muted">stopped in {durationText((abort.stoppedAt - abort.requestedAt) / 1_000)}</span>
        )}
      </header>
      <ol class="steps">
        {steps.map((step) => (
          <StepItem key={step.name} step={step} from={abort.requestedAt} isOver={isOver} />
        ))}
      </ol>
    </section>
  );
};

const TITLES: Readonly<Record<string, string>> = {
  cancel: 'Cancel',
  timeout: 'Timeout',
  expired: 'Not started in time',
  displaced: 'Made room for another task',
};

type StepProps = { readonly step: Step; readonly from: number; readonly isOver: boolean };

const StepItem = ({ step: { name, text, at }, from, isOver }: StepProps) => {
  const isDone = at !== undefined;
  return (
    <li class={isDone ? 'done' : 'open'}>
      <span class="dot">{isDone && <Icon name="check" size={12} />}</span>
      <strong>{name}</strong>
      {isDone ? (
        <>
          <span class="muted">{text}</span>
          <time class="faint" dateTime={new Date(at).toISOString()} data-tip={exactText(at)}>
            {at === from ? clockText(at) : `+${durationText((at - from) / 1_000)}`}
          </time>
        </>
      ) : (
        <span class="faint">{isOver ? 'was not needed' : 'not yet'}</span>
      )}
    </li>
  );
};
