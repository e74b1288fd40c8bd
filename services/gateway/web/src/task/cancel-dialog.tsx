import { useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { cancelTask } from '../api/tasks.ts';
import { type App, useApp } from '../shell/app-context.ts';
import { Dialog } from '../ui/dialog.tsx';
import { cancelChoice, type CancelChoice } from './cancel-choice.ts';
import { StatusBadge } from './status.tsx';
import { shortId, type Task } from './task.ts';

type Open = Exclude<CancelChoice, { kind: 'none' | 'blocked' }>;

export const CancelDialog = ({ task }: { readonly task: Task }) => {
  const app = useApp();
  const choice = cancelChoice(task);
  const isOpen = choice.kind === 'abort' || choice.kind === 'unsubscribe';
  const [forced, setForced] = useState(isOpen && choice.force.kind === 'must');
  const [busy, setBusy] = useState(false);
  const close = (): void => app.dialog.set(undefined);

  const confirm = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    await cancel(app, task, forced);
    close();
  };

  return (
    <Dialog
      title="Cancel Task"
      onClose={close}
      onSubmit={() => void confirm()}
      footer={
        <>
          <button type="button" class="button" onClick={close}>
            Keep it
          </button>
          {isOpen && (
            <button type="submit" class="button danger" aria-disabled={busy} autofocus>
              {busy && <span class="spinner" />}
              Yes, Cancel
            </button>
          )}
        </>
      }
    >
      <div class="subject">
        <StatusBadge status={task.status} />
        <strong>{task.name}</strong>
        <span class="mono faint">{shortId(task.uuid)}</span>
      </div>
      {isOpen ? (
        <Question choice={choice} forced={forced} onForce={setForced} />
      ) : (
        <p>{choice.kind === 'blocked' ? choice.reason : 'The task has ended.'}</p>
      )}
    </Dialog>
  );
};

type QuestionProps = { readonly choice: Open; readonly forced: boolean; readonly onForce: (forced: boolean) => void };

const Question = ({ choice, forced, onForce }: QuestionProps) => (
  <>
    <p>{forced && choice.force.kind !== 'no' ? choice.force.sentence : choice.sentence}</p>
    {choice.force.kind !== 'no' && (
      <label class="check">
        <input
          type="checkbox"
          checked={forced}
          disabled={choice.force.kind === 'must'}
          onChange={(event) => onForce(event.currentTarget.checked)}
        />
        <span>
          <strong>Force</strong>
          <br />
          <span class="muted">
            {choice.force.kind === 'must'
              ? 'An admin who is not subscribed can only end it for everyone.'
              : 'End it for everyone instead of leaving it.'}
          </span>
        </span>
      </label>
    )}
  </>
);

const cancel = async (app: App, task: Task, force: boolean): Promise<void> => {
  try {
    const { action, task: after } = await cancelTask(app.server, task.uuid, force);
    const words = action === 'unsubscribed' ? 'You have been removed from task' : 'Task cancelled';
    app.toasts.good(`${words}: ${task.name}`);
    if (after !== undefined) app.list.put(after);
    else app.list.remove(task.uuid);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    app.toasts.bad(`${task.name} was not cancelled: ${error.message}`);
  }
};
