import { useState } from 'preact/hooks';
import { retryTask } from '../api/tasks.ts';
import { type App, useApp } from '../shell/app-context.ts';
import { Dialog } from '../ui/dialog.tsx';
import { wordsOf } from './actions.tsx';
import { StatusBadge } from './status.tsx';
import { shortId, type Task } from './task.ts';

export const RetryDialog = ({ task }: { readonly task: Task }) => {
  const app = useApp();
  const [busy, setBusy] = useState(false);
  const close = (): void => app.dialog.set(undefined);

  const confirm = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    await retry(app, task);
    close();
  };

  return (
    <Dialog
      title="Retry Task"
      onClose={close}
      onSubmit={() => void confirm()}
      footer={
        <>
          <button type="button" class="button" onClick={close}>
            Not now
          </button>
          <button type="submit" class="button primary" aria-disabled={busy} autofocus>
            {busy && <span class="spinner" />}
            Yes, Retry
          </button>
        </>
      }
    >
      <div class="subject">
        <StatusBadge status={task.status} />
        <strong>{task.name}</strong>
        <span class="mono faint">{shortId(task.uuid)}</span>
      </div>
      <p>This runs it again as a new task, with the same key, arguments and options.</p>
    </Dialog>
  );
};

const retry = async (app: App, task: Task): Promise<void> => {
  try {
    const { outcome, task: made } = await retryTask(app.server, task.uuid);
    app.toasts.good(
      outcome === 'created' ? `Retried: ${task.name}` : `A task with this key is active already: ${task.name}`,
    );
    app.router.go({ view: 'task', uuid: made.uuid });
  } catch (error) {
    app.toasts.bad(`Could not retry ${task.name}: ${wordsOf(error)}`);
  }
};
