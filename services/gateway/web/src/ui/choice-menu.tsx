import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { Popover } from './popover.tsx';

export type Choice = { readonly value: string; readonly label: string; readonly icon?: ComponentChildren };

type Props = {
  readonly name: string;
  readonly choices: readonly Choice[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
  /** A field to narrow the choices by; what is typed can be chosen too when it is none of them. */
  readonly open?: boolean;
};

/** A filter: a button that says what is chosen, and a layer of check boxes. */
export const ChoiceMenu = (props: Props) => {
  const { name, choices, chosen } = props;
  const words = chosen.map((value) => choices.find((choice) => choice.value === value)?.label ?? value);
  return (
    <Popover
      label={`Filter by ${name.toLowerCase()}`}
      triggerClass={chosen.length > 0 ? 'filter chosen' : 'filter'}
      trigger={
        <>
          <span>{name}</span>
          {chosen.length > 0 && <span class="chosen-words truncate">{wordsOf(words)}</span>}
          <Icon name="chevronDown" size={12} />
        </>
      }
    >
      {() => <Menu {...props} />}
    </Popover>
  );
};

const wordsOf = (words: readonly string[]): string =>
  words.length > 2 ? `${words[0]} +${words.length - 1}` : words.join(', ');

const Menu = ({ name, choices, chosen, onChange, open = false }: Props) => {
  const [typed, setTyped] = useState('');
  const missing = chosen.filter((value) => !choices.some((choice) => choice.value === value));
  const all: readonly Choice[] = [...choices, ...missing.map((value) => ({ value, label: value }))];
  const shown = all.filter(({ label }) => label.toLowerCase().includes(typed.trim().toLowerCase()));
  const toggle = (value: string): void =>
    onChange(chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value]);
  const canAdd = open && typed.trim() !== '' && !all.some(({ value }) => value === typed.trim());
  return (
    <div onKeyDown={moveByArrows}>
      {open && (
        <input
          class="input menu-search"
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder={`Find ${name.toLowerCase()}`}
          aria-label={`Find ${name.toLowerCase()}`}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            const only = canAdd ? typed.trim() : shown[0]?.value;
            if (only !== undefined) toggle(only);
          }}
        />
      )}
      {shown.map(({ value, label, icon }) => (
        <button
          key={value}
          type="button"
          class="option"
          role="checkbox"
          aria-checked={chosen.includes(value)}
          onClick={() => toggle(value)}
        >
          <span class="box">
            <Icon name="check" size={12} />
          </span>
          {icon}
          <span class="truncate">{label}</span>
        </button>
      ))}
      {canAdd && (
        <button type="button" class="option" onClick={() => toggle(typed.trim())}>
          <Icon name="plus" />
          <span class="truncate">{`Only "${typed.trim()}"`}</span>
        </button>
      )}
      {shown.length === 0 && !canAdd && <p class="menu-note">Nothing to choose from yet</p>}
      {chosen.length > 0 && (
        <>
          <hr />
          <button type="button" class="option" onClick={() => onChange([])}>
            <Icon name="cross" />
            {`Any ${name.toLowerCase()}`}
          </button>
        </>
      )}
    </div>
  );
};

/** Up and down between what can be chosen. */
export const moveByArrows = (event: KeyboardEvent): void => {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const menu = event.currentTarget;
  const focused = event.target;
  if (!(menu instanceof HTMLElement) || !(focused instanceof HTMLElement)) return;
  const stops = [...menu.querySelectorAll<HTMLElement>('input, button')];
  const next = stops[stops.indexOf(focused) + (event.key === 'ArrowDown' ? 1 : -1)];
  next?.focus();
  event.preventDefault();
};
