import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';

const FIRST_SHOWN = 50;
const OPEN_LEVELS = 2;
const LONG_TEXT = 2_000;

/** Any JSON value as a tree, each value as text: nothing in it can become markup. */
export const JsonView = ({ value, label }: { readonly value: unknown; readonly label: string }) => (
  <div class="json" role="group" aria-label={label} tabIndex={0}>
    <Node value={value} level={0} />
  </div>
);

type NodeProps = { readonly value: unknown; readonly level: number; readonly name?: string };

const Node = ({ value, level, name }: NodeProps) => {
  if (typeof value === 'object' && value !== null) {
    return <Branch value={value} level={level} {...(name === undefined ? {} : { name })} />;
  }
  return (
    <div class="leaf">
      <Name name={name} />
      <Leaf value={value} />
    </div>
  );
};

const Name = ({ name }: { readonly name: string | undefined }) =>
  name === undefined ? null : (
    <>
      <span class="name">{name}</span>
      <span class="mark-sign">: </span>
    </>
  );

const Leaf = ({ value }: { readonly value: unknown }) => {
  if (typeof value === 'string') return <Text text={value} />;
  const kind = value === null ? 'null' : typeof value;
  return <span class={`value ${kind}`}>{String(value)}</span>;
};

const Text = ({ text }: { readonly text: string }) => {
  const [whole, setWhole] = useState(false);
  const shown = whole ? text : text.slice(0, LONG_TEXT);
  return (
    <>
      <span class="value string">{JSON.stringify(shown)}</span>
      {shown.length < text.length && (
        <button type="button" class="button quiet small" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString('en')} characters
        </button>
      )}
    </>
  );
};

const Branch = ({ value, level, name }: NodeProps & { readonly value: object }) => {
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [open, setOpen] = useState(level < OPEN_LEVELS && entries.length <= FIRST_SHOWN * 2);
  const [shown, setShown] = useState(FIRST_SHOWN);
  const [left, right] = isList ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) {
    return (
      <div class="leaf">
        <Name name={name} />
        <span class="value">{`${left}${right}`}</span>
      </div>
    );
  }
  const count = `${entries.length} ${isList ? 'item' : 'key'}${entries.length === 1 ? '' : 's'}`;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Icon name="chevronRight" size={12} />
        <Name name={name} />
        <span class="value">{left}</span>
        {!open && <span class="more">{`… ${right} ${count}`}</span>}
      </summary>
      {open && (
        <div class="members">
          {entries.slice(0, shown).map(([key, member]) => (
            <Node key={key} value={member} level={level + 1} name={key} />
          ))}
          {shown < entries.length && (
            <button type="button" class="button quiet small" onClick={() => setShown(shown + 500)}>
              {`Show ${Math.min(500, entries.length - shown)} more of ${entries.length - shown}`}
            </button>
          )}
        </div>
      )}
      {open && <span class="value">{right}</span>}
    </details>
  );
};
