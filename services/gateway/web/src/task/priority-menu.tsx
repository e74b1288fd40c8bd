import { useState } from 'preact/hooks';
import { changePriority } from '../api/tasks.ts';
import { useApp } from '../shell/app-context.ts';
import { moveByArrows } from '../ui/choice-menu.tsx';
import { Icon } from '../ui/icons.tsx';
import { Popover } from '../ui/popover.tsx';
import { wordsOf } from './actions.tsx';
import { priorityWord } from './priority.ts';
import { PRIORITIES, type Priority, type Task } from './task.ts';

/** The place in line of a task that waits. Whether it may be changed the server knows: others may wait for it, too. */
export const PriorityMenu = ({ task }: { readonly task: Task }) => {
  const { server, toasts, list } = useApp();
  const [busy, setBusy] = useState(false);
  const change = async (priority: Priority): Promise<void> => {
    if (busy || priority === task.priority) return;
    setBusy(true);
    try {
      list.put(await changePriority(server, task.uuid, priority));
      toasts.good(`${task.name} has ${priority} priority now`);
    } catch (error) {
      toasts.bad(`The priority of ${task.name} was not changed: ${wordsOf(error)}`);
    }
    setBusy(false);
  };
  return (
    <Popover
      label="Priority"
      role="menu"
      triggerClass="button small"
      triggerLabel={`Priority: ${priorityWord(task.priority)}`}
      tip="Change its place in line"
      trigger={
        <>
          {busy && <span class="spinner" />}
          {priorityWord(task.priority)}
          <Icon name="chevronDown" size={12} />
        </>
      }
    >
      {(close) => (
        <div role="none" onKeyDown={moveByArrows}>
          {PRIORITIES.map((priority) => (
            <button
              key={priority}
              type="button"
              class="option"
              role="menuitemradio"
              aria-checked={priority === task.priority}
              onClick={() => {
                close();
                void change(priority);
              }}
            >
              <span class="box">
                <Icon name="check" size={12} />
              </span>
              {priorityWord(priority)}
            </button>
          ))}
        </div>
      )}
    </Popover>
  );
};
