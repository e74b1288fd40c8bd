import { useState } from 'preact/hooks';
import { signalTask } from '../api/tasks.ts';
import { Field } from '../schedule/fields.tsx';
import { type App, useApp } from '../shell/app-context.ts';
import { Dialog } from '../ui/dialog.tsx';
import { randomId } from '../ui/random-id.ts';
import { wordsOf } from './actions.tsx';
import { dataOf } from './signal-data.ts';
import { StatusBadge } from './status.tsx';
import { shortId, type Task } from './task.ts';

/** Sends the signal a task waits for. It may be asked for again after no answer: it is one signal. */
export const SignalDialog = ({ task }: { readonly task: Task }) => {
  const app = useApp();
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [operation] = useState(randomId);
  const name = task.waitingFor?.signal;
  const close = (): void => app.dialog.set(undefined);

  const confirm = async (): Promise<void> => {
    if (busy || name === undefined) return;
    const read = dataOf(text);
    if ('fault' in read) return setFault(read.fault);
    setBusy(true);
    if (await send(app, task, { name, data: read.data, operation_id: operation })) close();
    else setBusy(false);
  };

  return (
    <Dialog
      title="Send Signal"
      onClose={close}
      onSubmit={() => void confirm()}
      footer={
        <>
          <button type="button" class="button" onClick={close}>
            Not now
          </button>
          <button type="submit" class="button primary" aria-disabled={busy}>
            {busy && <span class="spinner" />}
            Send
          </button>
        </>
      }
    >
      <div class="subject">
        <StatusBadge status={task.status} />
        <strong>{task.name}</strong>
        <span class="mono faint">{shortId(task.uuid)}</span>
      </div>
      <p>
        The task waits for the signal <span class="mono">{name}</span> and goes on with what is sent here.
      </p>
      <Field label="Data" hint="JSON, or nothing." fault={fault}>
        {(ids) => (
          <textarea
            {...ids}
            class="input"
            rows={4}
            spellcheck={false}
            autofocus
            value={text}
            onInput={(event) => {
              setText(event.currentTarget.value);
              setFault(undefined);
            }}
          />
        )}
      </Field>
    </Dialog>
  );
};

/** Whether it came; a refusal is said and leaves what was typed. */
const send = async (app: App, task: Task, signal: Parameters<typeof signalTask>[2]): Promise<boolean> => {
  try {
    const { outcome, task: after } = await signalTask(app.server, task.uuid, signal);
    app.toasts.good(outcome === 'delivered' ? `${task.name} goes on` : `${task.name} keeps it until it waits for it`);
    app.list.put(after);
    return true;
  } catch (error) {
    app.toasts.bad(`The signal for ${task.name} was not sent: ${wordsOf(error)}`);
    return false;
  }
};
