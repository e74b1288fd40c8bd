import { firstCharacters } from '../ui/graphemes.ts';

const SHOWN = 3;

type Props = { readonly users: readonly string[]; readonly count: number };

/** Who is subscribed: the first three as faces, the rest as a number. */
export const Faces = ({ users, count }: Props) => {
  if (count === 0) return <span class="faint">–</span>;
  const words = count === 1 ? '1 subscriber' : `${count} subscribers`;
  const names = users.join(', ');
  const label = names === '' ? words : `${words}: ${names}`;
  return (
    <span class="faces" role="img" aria-label={label} data-tip={names === '' ? words : users.join('\n')}>
      {users.slice(0, SHOWN).map((user) => (
        <Face key={user} user={user} />
      ))}
      {count > SHOWN && <span class="face more">+{count - SHOWN}</span>}
    </span>
  );
};

export const Face = ({ user }: { readonly user: string }) => (
  // By style: the letters are a picture, and no part of what a button is called.
  <span class={`face tone-${toneOf(user)}`} data-initials={initials(user)} aria-hidden="true" />
);

const TONES = 6;

/** The same colour for the same person, everywhere. */
const toneOf = (user: string): number => {
  let sum = 7;
  for (const char of user) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return sum % TONES;
};

/** `alice.smith` -> AS, `bob` -> B. Anything may be a user's name: characters, not bytes, are cut. */
const initials = (user: string): string => {
  const words = user.split(/[\s._@-]+/).filter((word) => word !== '');
  const letters = words.slice(0, 2).map((word) => firstCharacters(word, 1));
  return (letters.join('') || '?').toUpperCase();
};
