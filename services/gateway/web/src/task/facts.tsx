import type { ComponentChildren } from 'preact';
import { Link } from '../shell/link.tsx';
import { durationText, exactText } from '../time/durations.ts';
import { ScopeTag } from '../list/scope-tag.tsx';
import { TagList } from '../list/tag-list.tsx';
import { CopyButton } from './copy-button.tsx';
import { Face } from './people.tsx';
import { PriorityMenu } from './priority-menu.tsx';
import { Duration, RelativeTime } from './times.tsx';
import { childNote, failureNote, RelatedTasks } from './related-tasks.tsx';
import { childrenDone, shortId, type TaskDetail } from './task.ts';

/** Everything about a task that is one value. */
export const Facts = ({ task }: { readonly task: TaskDetail }) => (
  <aside class="facts" aria-label="Facts">
    <dl>
      <Fact name="Scope">
        <ScopeTag scope={task.scope} />
      </Fact>
      <Fact name="Key">
        <span class="mono">{task.key}</span>
      </Fact>
      <Fact name="Queue">
        <span class="mono">{task.queue}</span>
        {task.priority !== 'normal' && task.status !== 'pending' && (
          <span class="muted"> {task.priority} priority</span>
        )}
      </Fact>
      {task.status === 'pending' && (
        <Fact name="Priority">
          <PriorityMenu task={task} />
        </Fact>
      )}
      {task.tags.length > 0 && (
        <Fact name="Tags">
          <TagList tags={task.tags} />
        </Fact>
      )}
      <Fact name="Created">
        <When at={task.createdAt} />
        <span class="muted"> by {task.createdBy ?? 'a service'}</span>
      </Fact>
      {task.waitingFor !== undefined && (
        <Fact name={task.waitingFor.signal === undefined ? 'Waits for' : 'Waits for signal'}>
          {task.waitingFor.signal === undefined ? (
            <span>{task.waitingFor.children === 1 ? 'a child' : `${task.waitingFor.children} children`}</span>
          ) : (
            <span class="mono">{task.waitingFor.signal}</span>
          )}
          {task.waitingFor.until !== undefined && (
            <span class="muted">
              {' '}
              ends <RelativeTime at={task.waitingFor.until} />
            </span>
          )}
        </Fact>
      )}
      {task.signals.length > 0 && (
        <Fact name="Signals">
          <ul class="people">
            {task.signals.map(({ name, at, sentBy }) => (
              <li key={`${name} ${at}`}>
                <span class="mono">{name}</span>
                <span class="muted">
                  {sentBy === undefined ? 'did not come in time, ' : `by ${sentBy.replace(/^user:/, '')} `}
                  <RelativeTime at={at} />
                </span>
              </li>
            ))}
          </ul>
        </Fact>
      )}
      {task.steps.length > 0 && (
        <Fact name={`Steps done (${task.steps.length})`}>
          <ul class="people">
            {task.steps.map(({ name, at }) => (
              <li key={name}>
                <span>{name}</span>
                <span class="muted">
                  <RelativeTime at={at} />
                </span>
              </li>
            ))}
          </ul>
        </Fact>
      )}
      {task.runAt !== undefined && task.waitingFor === undefined && (
        <Fact name="Run at">
          <When at={task.runAt} />
        </Fact>
      )}
      {task.expiresAt !== undefined && (
        <Fact name="Start by">
          <When at={task.expiresAt} />
        </Fact>
      )}
      {task.startedAt !== undefined && (
        <Fact name="Started">
          <When at={task.startedAt} />
        </Fact>
      )}
      {task.endedAt !== undefined && (
        <Fact name="Ended">
          <When at={task.endedAt} />
        </Fact>
      )}
      <Fact name="Duration">
        <Duration task={task} />
      </Fact>
      <Fact name="Attempt">
        {task.attempt} of {task.maxAttempts}
        {task.rescues > 0 && <span class="muted"> {task.rescues} taken over from a dead worker</span>}
      </Fact>
      <Fact name="Timeout">{task.timeoutSeconds === undefined ? 'none' : durationText(task.timeoutSeconds)}</Fact>
      <Fact name="Execution">
        {task.mode}
        {task.worker !== undefined && <span class="mono muted"> {task.worker}</span>}
      </Fact>
      {task.dedupeCount > 0 && <Fact name="Joined">{task.dedupeCount} times</Fact>}
      {task.retriedFrom !== undefined && (
        <Fact name="Retry of">
          <Link to={{ view: 'task', uuid: task.retriedFrom }}>
            <span class="mono">{shortId(task.retriedFrom)}</span>
          </Link>
        </Fact>
      )}
      {task.parent !== undefined && (
        <Fact name="Parent">
          <RelatedTasks
            tasks={[
              {
                ...{ uuid: task.parent.uuid, name: task.parentTask?.name, status: task.parentTask?.status },
                note: task.parent.leave ? 'this task goes on without it' : undefined,
                unknown: 'not known here',
              },
            ]}
          />
        </Fact>
      )}
      {task.children.length > 0 && (
        <Fact name={`Children (${childrenDone(task)})`}>
          <RelatedTasks tasks={task.children.map((one) => ({ ...one, note: childNote(one) }))} />
        </Fact>
      )}
      {task.traceId !== undefined && (
        <Fact name="Trace">
          <span class="mono">{task.traceId}</span> <CopyButton text={task.traceId} label="Copy the trace id" />
        </Fact>
      )}
      {task.dependsOn.length > 0 && (
        <Fact name={`Depends on (${task.dependsOn.length})`}>
          <RelatedTasks tasks={task.dependsOn.map((one) => ({ ...one, note: failureNote(one.onFailure) }))} />
        </Fact>
      )}
      {task.requiredBy.length > 0 && (
        <Fact name={`Required by (${task.requiredBy.length})`}>
          <RelatedTasks tasks={task.requiredBy} />
        </Fact>
      )}
      <Fact name={`Subscribers (${task.subscriberCount})`}>
        <ul class="people">
          {task.subscribers.map((user) => (
            <li key={user}>
              <Face user={user} />
              <span>{user}</span>
            </li>
          ))}
        </ul>
      </Fact>
    </dl>
  </aside>
);

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const When = ({ at }: { readonly at: number }) => (
  <>
    <RelativeTime at={at} />
    <span class="exact">{exactText(at)}</span>
  </>
);
