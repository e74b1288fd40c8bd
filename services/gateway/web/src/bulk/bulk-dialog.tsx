import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ListQuery } from '../list/query.ts';
import { useApp } from '../shell/app-context.ts';
import type { Priority } from '../task/task.ts';
import { Dialog } from '../ui/dialog.tsx';
import { BulkOptions } from './bulk-options.tsx';
import { Filters } from './bulk-parts.tsx';
import { type BulkOrder, filterFor, type Operation, statusFor } from './order.ts';
import { foundBy, hasEnded, type Run, type RunState, startRun } from './run.ts';
import { RunView } from './run-view.tsx';
import { tellEnd } from './tell-end.ts';
import { confirmText, doingText, filterLines, meaningOf, statusNote, titleOf } from './words.ts';

type Props = { readonly operation: Operation; readonly query: ListQuery };

/** Counts what an operation would do, asks, does it, and tells what has become of it. */
export const BulkDialog = ({ operation, query }: Props) => {
  const app = useApp();
  const [force, setForce] = useState(false);
  const [priority, setPriority] = useState<Priority>('high');
  const filter = useMemo(() => filterFor(operation, query), [operation, query]);
  const order: BulkOrder = {
    ...{ operation, filter },
    ...(operation === 'change_priority' ? { priority } : {}),
    ...(force ? { force: true } : {}),
  };
  const count = useCount(order);
  const work = useWork(operation);
  const status = useRef<HTMLParagraphElement>(null);
  const { state, isFresh } = work;
  const close = (): void => app.dialog.set(undefined);
  const refusal = state?.kind === 'refused' ? state.fault : undefined;
  const hasBegun = state !== undefined && refusal === undefined;
  useEffect(() => {
    // The button that had the focus is gone, and nothing else may take the next press of a key.
    if (hasBegun) status.current?.focus();
  }, [hasBegun]);

  const found = foundBy(count.state);
  const isIdle = found !== undefined && found.done + found.unsubscribed === 0;
  const confirm = (): void => {
    if (found !== undefined && !isIdle) work.begin(order);
  };
  const shared = { status, operation, onClose: close };
  return (
    <Dialog
      title={titleOf(operation)}
      onClose={close}
      onSubmit={confirm}
      footer={
        <>
          <button type="button" class="button" autofocus onClick={close}>
            {hasBegun ? 'Close' : 'Not now'}
          </button>
          <span class="grow" />
          {!hasBegun && !isIdle && (
            <button
              type="submit"
              class={operation === 'cancel' || operation === 'delete' ? 'button danger' : 'button primary'}
              aria-disabled={found === undefined}
            >
              {confirmText(found ?? { operation, done: undefined, unsubscribed: 0 })}
            </button>
          )}
        </>
      }
    >
      <p>{meaningOf(operation, force)}</p>
      <Filters
        lines={[...filterLines(filter), ...(app.session.admin ? [ALL_USERS] : [])]}
        statusNote={statusNote(operation, statusFor(operation, query), query.status.length > 0)}
      />
      {!hasBegun && (
        <BulkOptions operation={operation} {...{ force, priority }} onForce={setForce} onPriority={setPriority} />
      )}
      {hasBegun ? (
        <RunView {...shared} state={state} onAgain={work.again} isFresh={isFresh} />
      ) : (
        <RunView {...shared} state={count.state} onAgain={count.again} isDry fault={refusal} />
      )}
    </Dialog>
  );
};

const ALL_USERS = { name: 'Tasks', value: 'of all users, as you are an admin' };

/** What the order would come to, counted anew when that changes. A count that nobody waits for any more is stopped. */
const useCount = (order: BulkOrder) => {
  const app = useApp();
  const [state, setState] = useState<RunState>({ kind: 'asking' });
  const [round, setRound] = useState(0);
  const run = useRef<Run | undefined>(undefined);
  // At once: no button may stand for a moment with the number of another order. Which priority it is to be makes no
  // difference to whose it may be changed.
  useLayoutEffect(() => {
    const own = startRun(app, { ...order, dry_run: true }, setState);
    run.current = own;
    return own.drop;
  }, [order.force, round]);
  const again = (): void => (state.kind === 'unanswered' ? run.current?.again() : setRound(round + 1));
  return { state, again };
};

/** The second click of a double click comes within this time, wherever by then the dialog has moved. */
const DOUBLE_CLICK_MS = 600;

/** The operation itself: one, however often it is asked for. It goes on when nobody looks. */
const useWork = (operation: Operation) => {
  const app = useApp();
  const [state, setState] = useState<RunState>();
  const run = useRef<Run | undefined>(undefined);
  const latest = useRef<RunState | undefined>(undefined);
  const [isFresh, setIsFresh] = useState(false);
  const isDone = state !== undefined && hasEnded(state);
  useEffect(() => {
    // Documents go without an event.
    if (isDone && operation === 'delete') app.list.refresh();
  }, [isDone]);
  useEffect(
    () => () => {
      const now = latest.current;
      run.current?.leave((end) => tellEnd(app, operation, end));
      if (now === undefined || now.kind === 'unanswered' || hasEnded(now)) return;
      app.toasts.good(`${doingText(operation)} It goes on, and tells when it has ended.`);
    },
    [],
  );
  const begin = (order: BulkOrder): void => {
    if (latest.current !== undefined && latest.current.kind !== 'refused') return;
    setIsFresh(true);
    setTimeout(() => setIsFresh(false), DOUBLE_CLICK_MS);
    run.current = startRun(app, order, (next) => {
      latest.current = next;
      setState(next);
    });
  };
  return { state, begin, again: () => run.current?.again(), isFresh };
};
