import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { Icon } from '../ui/icons.tsx';

type Ids = { readonly id: string; readonly 'aria-describedby': string | undefined; readonly 'aria-invalid': boolean };

type FieldProps = {
  readonly label: string;
  readonly hint?: string;
  readonly fault?: string | undefined;
  readonly children: (ids: Ids) => ComponentChildren;
};

/** A label, a control, and below it what helps or what is wrong; all tied together for a screen reader. */
export const Field = ({ label, hint, fault, children }: FieldProps) => {
  const id = useId();
  const below = fault ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': below === undefined ? undefined : `${id}-below`,
        'aria-invalid': fault !== undefined,
      })}
      {below !== undefined && (
        <span id={`${id}-below`} class={fault === undefined ? 'hint' : 'fault'}>
          {fault !== undefined && <Icon name="alert" size={14} />}
          {below}
        </span>
      )}
    </div>
  );
};

type TextFieldProps = Omit<FieldProps, 'children'> & {
  readonly value: string;
  readonly type?: 'text' | 'datetime-local';
  readonly list?: string;
  readonly required?: boolean;
  readonly autofocus?: boolean;
  readonly onChange: (value: string) => void;
};

export const TextField = ({
  value,
  type = 'text',
  list,
  required = false,
  autofocus = false,
  onChange,
  ...field
}: TextFieldProps) => (
  <Field {...field}>
    {(ids) => (
      <input
        {...ids}
        class="input"
        type={type}
        list={list}
        required={required}
        autofocus={autofocus}
        autocomplete="off"
        spellcheck={false}
        maxLength={256}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    )}
  </Field>
);
