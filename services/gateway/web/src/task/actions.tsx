import { ApiError } from '../api/http.ts';
import { type App, useApp } from '../shell/app-context.ts';
import { Icon } from '../ui/icons.tsx';
import { cancelChoice } from './cancel-choice.ts';
import type { Task } from './task.ts';

/** Opens the cancel dialog, or says why it cannot be opened. For the button and for the key. */
export const askToCancel = (app: App, task: Task): void => {
  const choice = cancelChoice(task);
  if (choice.kind === 'none') return;
  if (choice.kind === 'blocked') return app.announcer.say(choice.reason);
  app.dialog.set({ kind: 'cancel', task });
};

/** A body that runs again does again what it does: it asks, like a cancel. */
export const askToRetry = (app: App, task: Task): void => {
  if (task.mayRetry) app.dialog.set({ kind: 'retry', task });
};

/** What went wrong, for people. A fault of the page itself is not hidden. */
export const wordsOf = (error: unknown): string => {
  if (error instanceof ApiError) return error.message;
  throw error;
};

/** The stop button of a row: nothing for an ended task, and disabled with its reason where a cancel would be refused. */
const StopButton = ({ task }: { readonly task: Task }) => {
  const app = useApp();
  const choice = cancelChoice(task);
  if (choice.kind === 'none') return null;
  const isBlocked = choice.kind === 'blocked';
  const tip = isBlocked ? choice.reason : 'Cancel this task';
  return (
    <button
      type="button"
      class="button quiet small icon"
      aria-disabled={isBlocked}
      aria-label={isBlocked ? `Cancel ${task.name}: ${tip}` : `Cancel ${task.name}`}
      data-tip={tip}
      onClick={() => askToCancel(app, task)}
    >
      <Icon name="stop" />
    </button>
  );
};

const RetryButton = ({ task }: { readonly task: Task }) => {
  const app = useApp();
  if (!task.mayRetry) return null;
  return (
    <button
      type="button"
      class="button quiet small icon"
      aria-label={`Retry ${task.name}`}
      data-tip="Run it again as a new task"
      onClick={() => askToRetry(app, task)}
    >
      <Icon name="retry" />
    </button>
  );
};

/** Each in a place of its own: where one can be cancelled no click can retry it, however late it comes. */
export const ActionSlots = ({ task }: { readonly task: Task }) => (
  <span class="slots">
    <span>
      <StopButton task={task} />
    </span>
    <span>
      <RetryButton task={task} />
    </span>
  </span>
);
