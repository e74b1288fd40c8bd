import type { ListQuery } from '../list/query.ts';
import { useApp } from '../shell/app-context.ts';
import { moveByArrows } from '../ui/choice-menu.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Popover } from '../ui/popover.tsx';
import { type Operation, OPERATIONS, statusFor } from './order.ts';
import { idleText, nameOf } from './words.ts';

const ICONS: Readonly<Record<Operation, IconName>> = {
  cancel: 'stop',
  retry: 'retry',
  change_priority: 'arrowUp',
  delete: 'trash',
};

/** What can be done to all tasks of a list that is narrowed. Delete is for admins. */
export const BulkMenu = ({ query }: { readonly query: ListQuery }) => {
  const { session, dialog } = useApp();
  const operations = OPERATIONS.filter((operation) => operation !== 'delete' || session.admin);
  return (
    <Popover
      label="All that match"
      role="menu"
      class="bulk-menu"
      triggerClass="button"
      trigger={
        <>
          All that match…
          <Icon name="chevronDown" size={12} />
        </>
      }
    >
      {(close) => (
        <div role="none" onKeyDown={moveByArrows}>
          {operations.map((operation) => {
            const isIdle = statusFor(operation, query).status.length === 0;
            return (
              <button
                key={operation}
                type="button"
                class="option"
                role="menuitem"
                aria-disabled={isIdle}
                onClick={() => {
                  if (isIdle) return;
                  close();
                  dialog.set({ kind: 'bulk', operation, query });
                }}
              >
                <Icon name={ICONS[operation]} />
                <span>
                  {nameOf(operation)}…{isIdle && <span class="why">{idleText(operation)}</span>}
                </span>
              </button>
            );
          })}
        </div>
      )}
    </Popover>
  );
};
