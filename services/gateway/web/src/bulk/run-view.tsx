import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import { cancelTask } from '../api/tasks.ts';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { wordsOf } from '../task/actions.tsx';
import { ProgressBar } from '../task/progress-bar.tsx';
import { isTerminal, type TaskDetail } from '../task/task.ts';
import { Icon } from '../ui/icons.tsx';
import { useStore } from '../ui/store.ts';
import { Counts } from './bulk-parts.tsx';
import type { Operation } from './order.ts';
import { reportOf } from './report.ts';
import { foundBy, hasEnded, type RunState } from './run.ts';
import { runFault, runText } from './run-words.ts';

type Props = {
  readonly state: RunState;
  readonly operation: Operation;
  readonly isDry?: boolean;
  /** It was confirmed a moment ago: nothing to press may be where the button was. */
  readonly isFresh?: boolean;
  /** Of what was asked for after it. */
  readonly fault?: string | undefined;
  readonly status: RefObject<HTMLParagraphElement | null>;
  readonly onAgain: () => void;
  readonly onClose: () => void;
};

/** How far a count or an operation is: in words, as a bar, in numbers; what is wrong, and what can be done about it. */
export const RunView = ({ state, operation, isDry = false, isFresh = false, ...props }: Props) => {
  const { fault, status, onAgain, onClose } = props;
  const task = state.kind === 'made' ? state.task : undefined;
  const report = task === undefined ? undefined : reportOf(task);
  const isOpen = state.kind === 'asking' || (state.kind === 'made' && !hasEnded(state));
  const faults = [runFault(state, isDry), fault].filter((text) => text !== undefined);
  const canAgain = state.kind === 'unanswered' || (isDry && !isOpen && foundBy(state) === undefined);
  return (
    <section class="bulk-run" aria-label={isDry ? 'Count' : 'Operation'}>
      <p ref={status} role="status" tabIndex={-1} class="bulk-status">
        {isOpen && <span class="spinner" />}
        <strong>{runText(state, operation, isDry)}</strong>
      </p>
      {isOpen && task?.progress !== undefined && (
        <ProgressBar progress={task.progress} label="Progress" startedAt={task.startedAt} running />
      )}
      {report !== undefined && report.matched > 0 && <Counts report={report} />}
      {isOpen && <Connection />}
      {faults.map((text) => (
        <p key={text} class="banner fault" role="alert">
          <Icon name="alert" />
          <span>{text}</span>
        </p>
      ))}
      {canAgain && (
        <p>
          <button type="button" class="button" onClick={onAgain}>
            <Icon name="retry" />
            {isDry ? 'Count again' : 'Ask again'}
          </button>
        </p>
      )}
      {!isDry && !isFresh && state.kind === 'made' && (
        <p class="bulk-task">
          {isOpen && <StopButton uuid={state.uuid} task={task} />}
          <Link to={{ view: 'task', uuid: state.uuid }} onGo={onClose}>
            Its task
          </Link>
        </p>
      )}
      {isDry && foundBy(state) !== undefined && (
        <p class="muted">What matches when it begins is meant: what comes or ends until then changes the number.</p>
      )}
    </section>
  );
};

/** Where nothing is heard no silence may look like news. */
const Connection = () => {
  const { list } = useApp();
  const live = useStore(list.state, (value) => value.live);
  if (live === 'live' || live === 'connecting') return null;
  return (
    <p class="banner">
      <Icon name="offline" />
      <span>
        {live === 'denied'
          ? 'You are signed out. It goes on; sign in and look for its task in the list.'
          : 'The connection is lost. It goes on all the same; what you see here may be old.'}
      </span>
    </p>
  );
};

type StopProps = { readonly uuid: string; readonly task: TaskDetail | undefined };

/** Stops an operation where it is: what is done stays done. */
const StopButton = ({ uuid, task }: StopProps) => {
  const { server } = useApp();
  const [isAsked, setIsAsked] = useState(false);
  const [fault, setFault] = useState<string>();
  const isStopping = isAsked || task?.status === 'aborting' || (task !== undefined && isTerminal(task.status));
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    setIsAsked(true);
    setFault(undefined);
    try {
      await cancelTask(server, uuid, false);
    } catch (error) {
      setIsAsked(false);
      setFault(wordsOf(error));
    }
  };
  return (
    <>
      <button type="button" class="button" aria-disabled={isStopping} onClick={() => void stop()}>
        <Icon name="stop" />
        Stop
      </button>
      {fault !== undefined && (
        <span class="fault-text" role="alert">
          It was not stopped: {fault}
        </span>
      )}
    </>
  );
};
