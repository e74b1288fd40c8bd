import { Link } from '../shell/link.tsx';
import type { Tag } from '../task/tags.ts';
import { plainText } from '../ui/plain-text.ts';
import { EVERYTHING, type ListQuery } from './query.ts';

type Props = {
  readonly tags: readonly Tag[];
  /** A tag that is pressed is put beside what narrows the list already; nothing does on a task's own page. */
  readonly query?: ListQuery;
  readonly most?: number;
};

/** Each of them leads to the tasks that have it too. */
export const TagList = ({ tags, query = EVERYTHING, most = tags.length }: Props) => {
  const shown = tags.slice(0, most);
  const rest = tags.slice(most);
  return (
    <span class="tags">
      {shown.map((tag) => (
        <Link
          key={tag}
          class={query.tag.includes(tag) ? 'tag chosen' : 'tag'}
          tip={`Tasks with ${plainText(tag)}`}
          to={{ view: 'list', query: { ...query, tag: query.tag.includes(tag) ? query.tag : [...query.tag, tag] } }}
        >
          <span class="truncate">{plainText(tag)}</span>
        </Link>
      ))}
      {rest.length > 0 && (
        <span class="faint" data-tip={rest.map(plainText).join('\n')}>
          +{rest.length}
        </span>
      )}
    </span>
  );
};
