import { readFileSync } from 'node:fs';
import type { SchemaPart } from '@baton/protocols';

/** What the tables of `protocols/README.md` say of each name in a section; several names in a row share or divide it. */
const wordsIn = (title: string): ReadonlyMap<string, string> => {
  const page = readFileSync('protocols/README.md', 'utf8');
  const section = page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  const words = new Map<string, string>();
  for (const row of section.split('\n').filter((line) => line.startsWith('| `'))) {
    const [, first = '', said = ''] = row.split(/(?<!\\)\|/);
    const names = [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '');
    const parts = said.trim().split('; ');
    for (const [i, name] of names.entries())
      words.set(name, (parts.length === names.length ? parts[i] : said.trim()) ?? '');
  }
  return words;
};

/** The fields of a schema, each with the words that the section of that title has for it. */
export const described = (properties: unknown, title: string): SchemaPart => {
  const words = wordsIn(title);
  return Object.fromEntries(
    Object.entries(properties as SchemaPart).map(([name, part]) => {
      const description = words.get(name);
      return [name, description === undefined ? part : { ...(part as SchemaPart), description }];
    }),
  );
};
