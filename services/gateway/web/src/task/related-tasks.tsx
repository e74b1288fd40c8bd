import { Link } from '../shell/link.tsx';
import { shortId, wordFor, type Child } from './task.ts';

type Related = {
  readonly uuid: string;
  readonly name: string | undefined;
  readonly status: string | undefined;
  /** What more there is to say of it. */
  readonly note?: string | undefined;
  /** Said where its state is not known. */
  readonly unknown?: string;
};

/** Tasks that this one waits for, that wait for it, its children and its parent: a link, and how far each is. */
export const RelatedTasks = ({ tasks }: { readonly tasks: readonly Related[] }) => (
  <ul class="related">
    {tasks.map(({ uuid, name, status, note, unknown = 'not ended' }) => (
      <li key={uuid}>
        <Link to={{ view: 'task', uuid }}>
          {name === undefined ? <span class="mono">{shortId(uuid)}</span> : <span>{name}</span>}
        </Link>
        <span class="muted">
          {status === undefined ? unknown : wordFor(status)}
          {note !== undefined && `, ${note}`}
        </span>
      </li>
    ))}
  </ul>
);

/** What its failure means, where that is not the usual. */
export const failureNote = (onFailure: 'fail' | 'continue' | 'ignore'): string | undefined => {
  if (onFailure === 'fail') return undefined;
  return onFailure === 'continue' ? 'may fail' : 'may fail, ignored then';
};

/** How far it is, and that its parent's end is not its own. */
export const childNote = ({ share, leave }: Pick<Child, 'share' | 'leave'>): string | undefined => {
  const notes = [...(share === undefined ? [] : [`${Math.floor(share * 100)}%`]), ...(leave ? ['goes on alone'] : [])];
  return notes.length === 0 ? undefined : notes.join(', ');
};
