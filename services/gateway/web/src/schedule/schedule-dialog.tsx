import { parseExactJson } from '@baton/protocols/exact-json';
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { type ServedType, servedTypes, submitTask } from '../api/tasks.ts';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Field, TextField } from './fields.tsx';
import { type Draft, EMPTY_DRAFT, faultsOf, submissionOf } from './submission.ts';

export const ScheduleDialog = ({ type = '' }: { readonly type?: string | undefined }) => {
  const app = useApp();
  const [draft, setDraft] = useState<Draft>({ ...EMPTY_DRAFT, type });
  const [types, setTypes] = useState<readonly ServedType[]>([]);
  const [refused, setRefused] = useState('');
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  // One for each content: pressed again after a lost answer it is the same operation, changed it is another (D7).
  const operationId = useMemo(() => crypto.randomUUID(), [draft]);
  const faults = tried ? faultsOf(draft, Date.now()) : {};
  const close = (): void => app.dialog.set(undefined);
  const change = (fields: Partial<Draft>): void => {
    setRefused('');
    setDraft((before) => ({ ...before, ...fields }));
  };

  useEffect(() => {
    servedTypes(app.server).then(setTypes, () => setTypes([])); // suggestions only: any type can be written
  }, []);

  const submit = async (): Promise<void> => {
    setTried(true);
    if (busy || Object.keys(faultsOf(draft, Date.now())).length > 0) return;
    setBusy(true);
    try {
      const { task, outcome, differs } = await submitTask(app.server, submissionOf(draft, operationId));
      const joined = differs ? 'You joined a task whose arguments differ from yours' : 'You joined the task';
      app.toasts.good(`${outcome === 'created' ? 'Scheduled' : joined}: ${task.name}`);
      app.list.refresh();
      close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefused(error.message);
      setBusy(false);
    }
  };

  return (
    <Dialog
      wide
      title="Schedule a task"
      onClose={close}
      onSubmit={() => void submit()}
      footer={
        <>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" aria-disabled={busy}>
            {busy && <span class="spinner" />}
            Schedule
          </button>
        </>
      }
    >
      {refused !== '' && (
        <p class="banner fault" role="alert">
          {refused}
        </p>
      )}
      <TypeField draft={draft} types={types} fault={faults.type} onChange={change} />
      <ArgsField draft={draft} fault={faults.args} onChange={change} />
      <Options draft={draft} faults={faults} onChange={change} />
    </Dialog>
  );
};

type PartProps = { readonly draft: Draft; readonly onChange: (fields: Partial<Draft>) => void };

const TypeField = (
  props: PartProps & { readonly types: readonly ServedType[]; readonly fault: string | undefined },
) => {
  const { draft, types, fault, onChange } = props;
  const list = useId();
  const known = types.find(({ type }) => type === draft.type);
  return (
    <>
      <TextField
        label="Type"
        value={draft.type}
        fault={fault}
        hint={hintOf(draft, known)}
        list={list}
        required
        autofocus
        onChange={(type) => onChange({ type })}
      />
      <datalist id={list}>
        {types.map(({ type, workers }) => (
          <option key={type} value={type}>
            {workersText(workers)}
          </option>
        ))}
      </datalist>
    </>
  );
};

const workersText = (workers: number): string =>
  workers === 0 ? 'no worker' : `${workers} ${workers === 1 ? 'worker' : 'workers'}`;

/** Where a task goes that names no queue. */
const DEFAULT_QUEUE = 'default';

/** X5, before it happens. */
const hintOf = ({ type, queue }: Draft, known: ServedType | undefined): string => {
  if (type === '') return 'What workers know the task by.';
  if (known === undefined || known.workers === 0) return `No worker serves ${type} now: the task would wait.`;
  const served = `${workersText(known.workers)} in ${known.queues.join(', ')}`;
  const wanted = queue === '' ? DEFAULT_QUEUE : queue;
  if (known.queues.includes(wanted)) return served;
  return `No worker serves ${type} in queue ${wanted} now: the task would wait. There ${known.workers === 1 ? 'is' : 'are'} ${served}.`;
};

const ArgsField = ({ draft, fault, onChange }: PartProps & { readonly fault: string | undefined }) => {
  const format = (): void => {
    try {
      onChange({ args: JSON.stringify(parseExactJson(draft.args), null, 2) });
    } catch {
      // what is no JSON, or would be changed, stays as it was typed; the fault says so on submit
    }
  };
  return (
    <Field label="Arguments" fault={fault} hint="A JSON list, one entry for each parameter.">
      {(ids) => (
        <textarea
          {...ids}
          class="input"
          rows={5}
          spellcheck={false}
          value={draft.args}
          onInput={(event) => onChange({ args: event.currentTarget.value })}
          onBlur={format}
        />
      )}
    </Field>
  );
};

type OptionsProps = PartProps & { readonly faults: Partial<Record<keyof Draft, string>> };

const Options = ({ draft, faults, onChange }: OptionsProps) => {
  const { session } = useApp();
  const scopes = session.admin ? ['', 'private', 'shared', 'system'] : ['', 'private', 'shared'];
  return (
    <div class="form-grid">
      <TextField
        label="Key"
        value={draft.key}
        fault={faults.key}
        hint="Same key, same task: a second submit joins."
        onChange={(key) => onChange({ key })}
      />
      <TextField label="Name" value={draft.name} hint="What people read." onChange={(name) => onChange({ name })} />
      <Choice label="Scope" value={draft.scope} options={scopes} onChange={(scope) => onChange({ scope })} />
      <Choice
        label="Priority"
        value={draft.priority}
        options={['', 'high', 'normal', 'low']}
        onChange={(priority) => onChange({ priority })}
      />
      <TextField
        label="Timeout"
        value={draft.timeout}
        fault={faults.timeout}
        hint="Seconds, or 5m; 0: none. Empty: as its type has it."
        onChange={(timeout) => onChange({ timeout })}
      />
      <TextField
        label="Queue"
        value={draft.queue}
        hint="Empty: as its type has it."
        onChange={(queue) => onChange({ queue })}
      />
      <TextField
        label="Run at"
        type="datetime-local"
        value={draft.runAt}
        fault={faults.runAt}
        hint="Empty: now."
        onChange={(runAt) => onChange({ runAt })}
      />
    </div>
  );
};

type ChoiceProps = {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
};

const Choice = ({ label, value, options, onChange }: ChoiceProps) => (
  <Field label={label}>
    {(ids) => (
      <select {...ids} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option === '' ? 'as its type has it' : option}
          </option>
        ))}
      </select>
    )}
  </Field>
);
