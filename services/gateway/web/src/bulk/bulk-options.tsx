import { useId } from 'preact/hooks';
import { useApp } from '../shell/app-context.ts';
import { PRIORITIES, type Priority } from '../task/task.ts';
import type { Operation } from './order.ts';
import { priorityWord } from '../task/priority.ts';

type Props = {
  readonly operation: Operation;
  readonly force: boolean;
  readonly priority: Priority;
  readonly onForce: (force: boolean) => void;
  readonly onPriority: (priority: Priority) => void;
};

/** What an operation leaves to choose: an admin's force of a cancel, and which priority it is to be. */
export const BulkOptions = ({ operation, force, priority, onForce, onPriority }: Props) => {
  const { admin } = useApp().session;
  const group = useId();
  if (operation === 'change_priority') {
    return (
      <fieldset class="bulk-priority">
        <legend>Priority</legend>
        {PRIORITIES.map((one) => (
          <label key={one} class="check">
            <input type="radio" name={group} checked={one === priority} onChange={() => onPriority(one)} />
            <span>{priorityWord(one)}</span>
          </label>
        ))}
      </fieldset>
    );
  }
  if (operation !== 'cancel' || !admin) return null;
  return (
    <label class="check">
      <input type="checkbox" checked={force} onChange={(event) => onForce(event.currentTarget.checked)} />
      <span>
        <strong>Force</strong>
        <br />
        <span class="muted">Stop shared tasks for everyone who waits for them.</span>
      </span>
    </label>
  );
};
