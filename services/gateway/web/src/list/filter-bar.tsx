import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { distinctValues } from '../api/tasks.ts';
import { BulkMenu } from '../bulk/bulk-menu.tsx';
import { isNarrowed } from '../bulk/order.ts';
import { useApp } from '../shell/app-context.ts';
import { StatusIcon } from '../task/status.tsx';
import { SCOPES, STATUSES, statusWord } from '../task/task.ts';
import { isTag, type Tag } from '../task/tags.ts';
import { type Choice, ChoiceMenu } from '../ui/choice-menu.tsx';
import { Icon } from '../ui/icons.tsx';
import { plainText } from '../ui/plain-text.ts';
import { useStore } from '../ui/store.ts';
import { EVERYTHING, isFiltered, type ListQuery } from './query.ts';

const TYPING_MS = 200;

const STATUS_CHOICES: readonly Choice[] = STATUSES.map((status) => ({
  value: status,
  label: statusWord(status),
  icon: <StatusIcon status={status} size={14} />,
}));

const SCOPE_CHOICES: readonly Choice[] = SCOPES.map((scope) => ({ value: scope, label: scope }));

type Props = { readonly query: ListQuery; readonly searchField: RefObject<HTMLInputElement | null> };

export const FilterBar = ({ query, searchField }: Props) => {
  const { router } = useApp();
  const narrow = (fields: Partial<ListQuery>): void => router.go({ view: 'list', query: { ...query, ...fields } });
  return (
    <div class="filters" role="search" aria-label="Filter tasks">
      <Search query={query} field={searchField} />
      <ChoiceMenu
        name="Status"
        choices={STATUS_CHOICES}
        chosen={query.status}
        onChange={(chosen) => narrow({ status: STATUSES.filter((status) => chosen.includes(status)) })}
      />
      <SuggestedMenu name="Type" of="task_type" chosen={query.type} onChange={(type) => narrow({ type })} />
      <ChoiceMenu
        name="Scope"
        choices={SCOPE_CHOICES}
        chosen={query.scope}
        onChange={(chosen) => narrow({ scope: SCOPES.filter((scope) => chosen.includes(scope)) })}
      />
      <SuggestedMenu
        name="Created by"
        of="created_by"
        chosen={query.createdBy}
        onChange={(createdBy) => narrow({ createdBy })}
      />
      <TagMenu chosen={query.tag} onChange={(tag) => narrow({ tag })} />
      {isFiltered(query) && (
        <button
          type="button"
          class="button quiet"
          onClick={() => narrow({ ...EVERYTHING, sortBy: query.sortBy, descending: query.descending })}
        >
          Clear filters
        </button>
      )}
      {isNarrowed(query) && <BulkMenu query={query} />}
    </div>
  );
};

type TagProps = { readonly chosen: readonly Tag[]; readonly onChange: (chosen: readonly Tag[]) => void };

/** Those of the tasks that are shown; any other one can be typed. */
const TagMenu = ({ chosen, onChange }: TagProps) => {
  const { list, toasts } = useApp();
  const rows = useStore(list.state, (state) => state.rows);
  const known = [...new Set(rows.flatMap(({ task }) => task.tags))].toSorted().slice(0, MOST_TAGS);
  const change = (tags: readonly Tag[]): void => {
    // As it is written elsewhere.
    const next = tags.map((tag) => (isTag(tag) ? tag : tag.replace('=', ':')));
    const bad = next.find((tag) => !isTag(tag));
    if (bad === undefined) onChange([...new Set(next)]);
    else toasts.bad(`"${bad}" is no tag: write name:value`);
  };
  const choices = known.map((value) => ({ value, label: plainText(value) }));
  return <ChoiceMenu name="Tag" choices={choices} chosen={chosen} onChange={change} open />;
};

/** Tags that are suggested. */
const MOST_TAGS = 50;

/** Typing narrows the list after a breath, and does not fill the browser's history. */
const Search = ({ query, field }: { readonly query: ListQuery; readonly field: Props['searchField'] }) => {
  const { router } = useApp();
  const [typed, setTyped] = useState(query.text);
  useEffect(() => setTyped(query.text), [query.text]);
  const narrow = (): void => {
    if (typed !== query.text) router.replace({ view: 'list', query: { ...query, text: typed } });
  };
  useEffect(() => {
    if (typed === query.text) return undefined;
    const timer = setTimeout(narrow, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, query]);
  return (
    <div class="search">
      <Icon name="search" size={14} />
      <input
        ref={field}
        class="input"
        type="search"
        maxLength={200}
        autocomplete="off"
        spellcheck={false}
        placeholder="Search name, type, key or id"
        aria-label="Search name, type, key or id"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
        // Whoever goes on to do something to what he sees means what he has typed.
        onBlur={narrow}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          if (typed !== '') setTyped('');
          else event.currentTarget.blur();
          event.preventDefault();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
};

type SuggestedProps = {
  readonly name: string;
  readonly of: 'task_type' | 'created_by';
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
};

/** Values of tasks that this viewer sees, asked for when the filter bar appears and again with each new choice. */
const SuggestedMenu = ({ name, of, chosen, onChange }: SuggestedProps) => {
  const { server } = useApp();
  const [choices, setChoices] = useState<readonly Choice[]>([]);
  const load = (): void => {
    distinctValues(server, of).then(
      (values) => setChoices(values.map((value) => ({ value, label: value }))),
      () => undefined, // nothing to suggest; what is typed can be chosen all the same
    );
  };
  useEffect(load, [server, of]);
  return (
    <span onFocusCapture={load} class="contents">
      <ChoiceMenu name={name} choices={choices} chosen={chosen} onChange={onChange} open />
    </span>
  );
};
