import { parseExactJson } from '@baton/protocols/exact-json';
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { submitTask, type Definition, type SubmitOutcome } from '../api/tasks.ts';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../ui/dialog.tsx';
import { randomId } from '../ui/random-id.ts';
import { durationText } from '../time/durations.ts';
import { Field, TextField } from './fields.tsx';
import { knownTypes, type KnownType } from './known-types.ts';
import { conflictText } from './conflicts.ts';
import { signatureOf } from './signature.ts';
import { type Draft, EMPTY_DRAFT, faultsOf, isAboutArguments, submissionOf } from './submission.ts';

export const ScheduleDialog = ({ type = '' }: { readonly type?: string | undefined }) => {
  const app = useApp();
  const [draft, setDraft] = useState<Draft>({ ...EMPTY_DRAFT, type });
  const [types, setTypes] = useState<readonly KnownType[]>([]);
  const [refused, setRefused] = useState('');
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const known = types.find((one) => one.type === draft.type);
  const definition = known?.definition;
  // One for each content: pressed again after a lost answer it is the same operation, changed it is another (D7).
  const operationId = useMemo(randomId, [draft]);
  const isArgsRefused = isAboutArguments(refused);
  const faults = tried
    ? { ...(isArgsRefused ? { args: refused } : {}), ...faultsOf(draft, Date.now(), definition?.scope) }
    : {};
  const close = (): void => app.dialog.set(undefined);
  const change = (fields: Partial<Draft>): void => {
    setRefused('');
    setDraft((before) => ({ ...before, ...fields }));
  };

  useEffect(() => {
    void knownTypes(app.server).then(setTypes);
  }, []);

  const submit = async (): Promise<void> => {
    setTried(true);
    if (busy || Object.keys(faultsOf(draft, Date.now(), definition?.scope)).length > 0) return;
    setBusy(true);
    try {
      const { task, outcome, differs } = await submitTask(app.server, submissionOf(draft, operationId));
      app.toasts.good(`${wordsFor(outcome, differs)}: ${task.name}`);
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
      {refused !== '' && !isArgsRefused && (
        <p class="banner fault" role="alert">
          {refused}
        </p>
      )}
      <TypeField draft={draft} types={types} known={known} fault={faults.type} onChange={change} />
      <ArgsField draft={draft} definition={definition} fault={faults.args} onChange={change} />
      <Options draft={draft} definition={definition} faults={faults} onChange={change} />
    </Dialog>
  );
};

type PartProps = { readonly draft: Draft; readonly onChange: (fields: Partial<Draft>) => void };

type TypeProps = PartProps & {
  readonly types: readonly KnownType[];
  readonly known: KnownType | undefined;
  readonly fault: string | undefined;
};

const TypeField = ({ draft, types, known, fault, onChange }: TypeProps) => {
  const list = useId();
  const { title, description } = known?.definition ?? {};
  const conflict = known?.definition === undefined ? undefined : conflictText(known.definition);
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
        {types.map(({ type, workers, definition }) => (
          <option key={type} value={type}>
            {definition?.title ?? workersText(workers)}
          </option>
        ))}
      </datalist>
      {(title ?? description) && <p class="hint about-type">{[title, description].filter(Boolean).join(': ')}</p>}
      {conflict !== undefined && <p class="hint about-type">{conflict}</p>}
    </>
  );
};

const workersText = (workers: number): string =>
  workers === 0 ? 'no worker' : `${workers} ${workers === 1 ? 'worker' : 'workers'}`;

/** Where a task goes that names no queue, of a type nobody has defined. */
const DEFAULT_QUEUE = 'default';

/** X5, before it happens. */
const hintOf = ({ type, queue }: Draft, known: KnownType | undefined): string => {
  if (type === '') return 'What workers know the task by.';
  if (known === undefined || known.workers === 0) return `No worker serves ${type} now: the task would wait.`;
  const served = `${workersText(known.workers)} in ${known.queues.join(', ')}`;
  const wanted = queue === '' ? (known.definition?.queue ?? DEFAULT_QUEUE) : queue;
  if (known.queues.includes(wanted)) return served;
  return `No worker serves ${type} in queue ${wanted} now: the task would wait. There ${known.workers === 1 ? 'is' : 'are'} ${served}.`;
};

type ArgsProps = PartProps & { readonly definition: Definition | undefined; readonly fault: string | undefined };

const ArgsField = ({ draft, definition, fault, onChange }: ArgsProps) => {
  const signature = signatureOf(definition?.args_schema ?? null);
  const format = (): void => {
    try {
      onChange({ args: JSON.stringify(parseExactJson(draft.args), null, 2) });
    } catch {
      // what is no JSON, or would be changed, stays as it was typed; the fault says so on submit
    }
  };
  return (
    <Field
      label="Arguments"
      fault={fault}
      hint={`A JSON list, one entry for each parameter${signature === undefined ? '.' : `: ${signature}`}`}
    >
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

type OptionsProps = PartProps & {
  readonly definition: Definition | undefined;
  readonly faults: Partial<Record<keyof Draft, string>>;
};

const Options = ({ draft, definition, faults, onChange }: OptionsProps) => {
  const { session } = useApp();
  const { scope: ownScope, priority: ownPriority, queue: ownQueue, timeout_seconds: timeout } = definition ?? {};
  const ownTimeout = timeout === null ? 'none' : timeout === undefined ? undefined : durationText(timeout);
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
      <Choice
        label="Scope"
        value={draft.scope}
        own={ownScope}
        options={scopes}
        onChange={(scope) => onChange({ scope })}
      />
      <Choice
        label="Priority"
        value={draft.priority}
        own={ownPriority}
        options={['', 'high', 'normal', 'low']}
        onChange={(priority) => onChange({ priority })}
      />
      <TextField
        label="Timeout"
        value={draft.timeout}
        fault={faults.timeout}
        hint={`Seconds, or 5m; 0: none. Empty: as its type has it${said(ownTimeout)}.`}
        onChange={(timeout) => onChange({ timeout })}
      />
      <TextField
        label="Queue"
        value={draft.queue}
        hint={`Empty: as its type has it${said(ownQueue)}.`}
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
      <TextField
        label="Tags"
        value={draft.tags}
        fault={faults.tags}
        hint="What it is found by: tenant=acme, order=17"
        onChange={(tags) => onChange({ tags })}
      />
    </div>
  );
};

type ChoiceProps = {
  readonly label: string;
  readonly value: string;
  /** What the definition of the type says. */
  readonly own: string | undefined;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
};

const Choice = ({ label, value, own, options, onChange }: ChoiceProps) => (
  <Field label={label}>
    {(ids) => (
      <select {...ids} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option === '' ? `as its type has it${said(own)}` : option}
          </option>
        ))}
      </select>
    )}
  </Field>
);

const said = (own: string | undefined): string => (own === undefined ? '' : ` (${own})`);

/** The type may say what becomes of a submit whose key has a task. */
const wordsFor = (outcome: SubmitOutcome, differs: boolean): string => {
  switch (outcome) {
    case 'created':
      return 'Scheduled';
    case 'joined':
      return differs ? 'You joined a task whose arguments differ from yours' : 'You joined the task';
    case 'replaced':
      return 'Your arguments took the place of those of the waiting task';
    case 'debounced':
      return 'Your arguments took the place of those of the waiting task, which was put off';
    case 'throttled':
      return 'Nothing was scheduled: there was one a moment ago';
  }
};
