import { useState } from 'preact/hooks';
import { changeQueue, type QueueChange, type QueueSet } from '../api/queues.ts';
import { TextField } from '../schedule/fields.tsx';
import { useApp } from '../shell/app-context.ts';
import { wordsOf } from '../task/actions.tsx';
import { RelativeTime } from '../task/times.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { entriesOf, isPaused } from './words.ts';

type Props = { readonly set: QueueSet; readonly onChanged: () => void };

const MOST_AT_ONCE = 1_000_000;

/** What admins set for a queue: seen, set and taken back. What runs goes on whatever is set. */
export const QueueDialog = ({ set: first, onChanged }: Props) => {
  const { server, toasts, dialog } = useApp();
  const [set, setSet] = useState(first);
  const [why, setWhy] = useState('');
  const [atOnce, setAtOnce] = useState('');
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);
  const close = (): void => dialog.set(undefined);

  const change = async (wish: QueueChange): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setFault(undefined);
    try {
      setSet(await changeQueue(server, set.queue, wish));
      setWhy('');
      setAtOnce('');
      onChanged();
    } catch (error) {
      toasts.bad(`Queue ${set.queue} was not changed: ${wordsOf(error)}`);
    }
    setBusy(false);
  };
  const reason = why.trim() === '' ? {} : { why: why.trim() };
  const limit = (): void => {
    const concurrency = Number(atOnce);
    if (!/^\d+$/.test(atOnce.trim()) || concurrency < 1 || concurrency > MOST_AT_ONCE)
      return setFault('A whole number, 1 to 1,000,000.');
    void change({ verb: 'limit', of: 'queue', concurrency, ...reason });
  };

  return (
    <Dialog
      title={`Queue ${set.queue}`}
      onClose={close}
      footer={
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      }
    >
      <EntryList set={set} busy={busy} onChange={(wish) => void change(wish)} />
      <TextField label="Why" hint="For whoever wonders later." value={why} onChange={setWhy} />
      <div class="queue-change">
        <TextField label="Tasks at once" fault={fault} value={atOnce} onChange={setAtOnce} />
        <button type="button" class="button" aria-disabled={busy} onClick={limit}>
          Limit the queue
        </button>
      </div>
      {!isPaused(set) && (
        <p>
          <button
            type="button"
            class="button"
            aria-disabled={busy}
            onClick={() => void change({ verb: 'pause', ...reason })}
          >
            Pause the queue
          </button>{' '}
          <span class="muted">What runs goes on; nothing starts.</span>
        </p>
      )}
    </Dialog>
  );
};

type ListProps = {
  readonly set: QueueSet;
  readonly busy: boolean;
  readonly onChange: (change: QueueChange) => void;
};

const EntryList = ({ set, busy, onChange }: ListProps) => {
  const entries = entriesOf(set);
  if (entries.length === 0) return <p class="muted">Nothing is set.</p>;
  return (
    <ul class="queue-entries" aria-label="What is set">
      {entries.map(({ what, by, at, why, undo }) => (
        <li key={what}>
          <span>
            <strong>{what}</strong>
            <br />
            <span class="muted">
              by {by}, <RelativeTime at={at} />
              {why !== undefined && `: ${why}`}
            </span>
          </span>
          {undo !== undefined && (
            <button
              type="button"
              class="button small"
              aria-disabled={busy}
              aria-label={`${undo.label}: ${what}`}
              onClick={() => onChange(undo.change)}
            >
              {undo.label}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
};
