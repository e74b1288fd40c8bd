import type { ComponentChildren } from 'preact';
import { Link } from '../shell/link.tsx';
import { durationText, exactText } from '../time/durations.ts';
import { ScopeTag } from '../list/scope-tag.tsx';
import { Face } from './people.tsx';
import { Duration, RelativeTime } from './times.tsx';
import { shortId, type TaskDetail } from './task.ts';

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
        {task.priority !== 'normal' && <span class="muted"> {task.priority} priority</span>}
      </Fact>
      <Fact name="Created">
        <When at={task.createdAt} />
        <span class="muted"> by {task.createdBy ?? 'a service'}</span>
      </Fact>
      {task.runAt !== undefined && (
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
