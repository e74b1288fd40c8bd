import { useEffect, useRef, useState } from 'preact/hooks';
import { downloadLarge, type LargePart, type LargeView, VIEW_BYTES, viewLarge } from '../api/large-data.ts';
import { useApp } from '../shell/app-context.ts';
import { bytesText } from '../ui/bytes.ts';
import { Icon } from '../ui/icons.tsx';
import { JsonView } from '../ui/json-view.tsx';
import { wordsOf } from './actions.tsx';
import { CopyButton } from './copy-button.tsx';
import { shortId, type TaskDetail } from './task.ts';

type DataPanelProps = { readonly title: string; readonly value: unknown; readonly none?: string };

/** Arguments, payload or result as a tree. */
export const DataPanel = ({ title, value, none }: DataPanelProps) => {
  if (value === undefined && none === undefined) return null;
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {value !== undefined && (
          <CopyButton text={JSON.stringify(value, null, 2)} label={`Copy ${title.toLowerCase()}`} />
        )}
      </header>
      {value === undefined ? <p class="muted">{none}</p> : <JsonView value={value} label={title} />}
    </section>
  );
};

type LargePanelProps = {
  readonly title: string;
  readonly task: TaskDetail;
  readonly part: LargePart;
  readonly size: number;
};

/** What is too large for the record: fetched when somebody wants to see or have it (behaviour X4). */
export const LargePanel = ({ title, task, part, size }: LargePanelProps) => {
  const { server, toasts } = useApp();
  const [view, setView] = useState<LargeView>();
  const [busy, setBusy] = useState<'view' | 'download'>();
  const gone = useRef(new AbortController());
  useEffect(() => () => gone.current.abort(), []);

  const run = async (what: 'view' | 'download', work: () => Promise<void>): Promise<void> => {
    if (busy !== undefined) return;
    setBusy(what);
    try {
      await work();
    } catch (error) {
      if (!gone.current.signal.aborted) toasts.bad(`${title}: ${wordsOf(error)}`);
    }
    if (!gone.current.signal.aborted) setBusy(undefined);
  };
  const show = () => run('view', async () => setView(await viewLarge(server, task.uuid, part, gone.current.signal)));
  const download = () =>
    run('download', async () => {
      const file = await downloadLarge(server, task.uuid, part, gone.current.signal);
      saveAs(file, `${task.type}-${shortId(task.uuid)}-${part}.json`);
    });

  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span class="muted">{bytesText(size)}</span>
        <span class="grow" />
        {view === undefined && (
          <button type="button" class="button small" aria-disabled={busy !== undefined} onClick={() => void show()}>
            {busy === 'view' && <span class="spinner" />}
            Show
          </button>
        )}
        <button type="button" class="button small" aria-disabled={busy !== undefined} onClick={() => void download()}>
          {busy === 'download' ? <span class="spinner" /> : <Icon name="arrowDown" size={12} />}
          Download
        </button>
      </header>
      {view === undefined && <p class="muted">Too large to be shown at once.</p>}
      {view?.kind === 'whole' && <JsonView value={view.value} label={title} />}
      {view?.kind === 'beginning' && (
        <>
          <p class="muted">The first {bytesText(VIEW_BYTES)}. Download it to see all.</p>
          <pre class="trace" tabIndex={0} aria-label={`Beginning of the ${title.toLowerCase()}`}>
            {view.text}
          </pre>
        </>
      )}
    </section>
  );
};

const saveAs = (file: Blob, name: string): void => {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it by the next turn.
  setTimeout(() => URL.revokeObjectURL(url), 0);
};
