import { useMemo } from 'preact/hooks';
import { useApp } from '../shell/app-context.ts';
import { Link } from '../shell/link.tsx';
import { ActionSlots } from '../task/actions.tsx';
import { Faces } from '../task/people.tsx';
import { ProgressBar } from '../task/progress-bar.tsx';
import { StatusIcon } from '../task/status.tsx';
import { childrenText, isTerminal, shortId, statusWord, waitingText, type Task } from '../task/task.ts';
import type { Tag } from '../task/tags.ts';
import { Duration, RelativeTime } from '../task/times.tsx';
import { useStore } from '../ui/store.ts';
import { shortened } from '../ui/graphemes.ts';
import { progressText } from '../time/progress.ts';
import { DetailsCell } from './details-cell.tsx';
import type { Row } from './list-state.ts';
import { ScopeTag } from './scope-tag.tsx';
import { TagList } from './tag-list.tsx';

const NAME_LENGTH = 30;

/** Drawn again only when its task is another version: a hundred changes a second elsewhere cost it nothing. */
export const TaskRow = ({ row }: { readonly row: Row }) => useMemo(() => <Cells row={row} />, [row]);

const Cells = ({ row: { task, left } }: { readonly row: Row }) => (
  <tr role="row" class={left ? `task ${task.status} left` : `task ${task.status}`} data-uuid={task.uuid}>
    <th role="rowheader" scope="row" class="cell-task">
      <Link class="name" to={{ view: 'task', uuid: task.uuid }} tip={tipOf(task)}>
        {shortened(task.name, NAME_LENGTH)}
      </Link>
      <span class="under faint">
        <span class="mono">{shortId(task.uuid)}</span>
        <span class="mono type-here truncate">{task.type}</span>
        {task.key !== task.uuid && task.key !== task.name && <span class="truncate">{task.key}</span>}
        {left && <span>no longer fits the filter</span>}
      </span>
      {task.tags.length > 0 && <RowTags tags={task.tags} />}
    </th>
    <td role="cell" class="cell-status">
      <StatusCell task={task} />
    </td>
    <td role="cell" class="cell-type">
      <span class="truncate mono" data-tip={task.type}>
        {task.type}
      </span>
      <span class="under faint truncate">{task.queue}</span>
    </td>
    <td role="cell" class="cell-scope">
      <ScopeTag scope={task.scope} />
    </td>
    <td role="cell" class="cell-subscribers">
      <Faces users={task.subscribers} count={task.subscriberCount} />
    </td>
    <td role="cell" class="cell-created">
      <RelativeTime at={task.createdAt} />
      <span class="under faint truncate">{task.createdBy ?? 'a service'}</span>
    </td>
    <td role="cell" class="cell-duration">
      <Duration task={task} />
    </td>
    <td role="cell" class="cell-details">
      <DetailsCell task={task} />
    </td>
    <td role="cell" class="cell-actions">
      <ActionSlots task={task} />
    </td>
  </tr>
);

const MOST_TAGS = 3;

/** Of a row it alone has to know what the list is narrowed by. */
const RowTags = ({ tags }: { readonly tags: readonly Tag[] }) => {
  const { list } = useApp();
  const query = useStore(list.state, (state) => state.query);
  return <TagList tags={tags} query={query} most={MOST_TAGS} />;
};

const tipOf = ({ name, key, uuid }: Task): string => `Name: ${name}\nKey: ${key}\nUUID: ${uuid}`;

const StatusCell = ({ task }: { readonly task: Task }) => {
  const { progress } = task;
  const word = statusWord(task.status);
  const waiting = waitingText(task);
  const children = childrenText(task);
  const tip = progress === undefined ? word : `${word}: ${progressText(progress)}`;
  return (
    <>
      <span class={`status-line ${task.status}`} data-tip={tip}>
        <StatusIcon status={task.status} />
        <span>{word}</span>
        {task.attempt > 1 && <span class="faint">{`attempt ${task.attempt}`}</span>}
      </span>
      {progress !== undefined && !isTerminal(task.status) && (
        <ProgressBar
          progress={progress}
          label={`Progress of ${task.name}`}
          startedAt={task.startedAt}
          running={task.status === 'in_progress'}
        />
      )}
      {waiting !== undefined && (
        <span class="under faint" data-tip={waiting}>
          <span class="truncate">{waiting}</span>
        </span>
      )}
      {task.waitingFor?.signal !== undefined && (
        <span class="under faint">
          <span>waits for signal {task.waitingFor.signal}</span>
        </span>
      )}
      {children !== undefined && !isTerminal(task.status) && (
        <span class="under faint">
          <span>{children}</span>
        </span>
      )}
      {task.runAt !== undefined &&
        waiting === undefined &&
        task.status === 'pending' &&
        task.waitingFor === undefined && (
          <span class="under faint">
            <span>
              starts <RelativeTime at={task.runAt} />
            </span>
          </span>
        )}
    </>
  );
};
