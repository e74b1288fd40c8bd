import { SETTINGS, type SettingReader } from './settings-table.ts';

/** A variable that nobody reads, and the one that is read, is not set, and is written nearly so. */
export type Misspelt = { readonly variable: string; readonly meant: string };

/** One letter more, less or other, twice: `MONGO_URL`, `BATON_CONCURENCY`, `NATS_URI`. */
const MOST_EDITS = 2;

/** Names of the environment that are probably slips: what they say would be passed over without a word. */
export const misspeltIn = (
  env: Readonly<Record<string, string | undefined>>,
  reader: SettingReader,
): readonly Misspelt[] => {
  const unset = Object.entries(SETTINGS)
    .filter(([name, { readers }]) => readers.includes(reader) && !env[name])
    .map(([name]) => name);
  return Object.keys(env)
    .filter((variable) => !Object.hasOwn(SETTINGS, variable) && env[variable])
    .flatMap((variable) => {
      const near = unset.map((name) => ({ name, by: edits(variable, name) })).filter(({ by }) => by <= MOST_EDITS);
      const meant = near.toSorted((a, b) => a.by - b.by)[0]?.name;
      return meant === undefined ? [] : [{ variable, meant }];
    });
};

/** Letters that are put in, taken out or changed between two words; some number above the limit where it is more. */
const edits = (a: string, b: string): number => {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return MOST_EDITS + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(changed, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
  }
  return row[b.length] ?? 0;
};
