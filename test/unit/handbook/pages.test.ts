// What the handbook says of the code is so: links, names of options and errors, the reference.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as sdk from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('pages of the handbook');

const namesIn = (folder: string): readonly string[] => readdirSync(folder).map((name) => join(folder, name));

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'examples/README.md'],
  ...[...namesIn('docs'), ...namesIn('docs/reference')].filter((path) => path.endsWith('.md')),
  ...namesIn('examples')
    .map((folder) => join(folder, 'README.md'))
    .filter((path) => existsSync(path)),
];

/** As GitHub makes them of headings. */
const anchorsOf = (markdown: string): ReadonlySet<string> =>
  new Set([
    ...[...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
    ...[...markdown.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id),
  ]);

const withoutCode = (markdown: string): string => markdown.replaceAll(/^```[\s\S]*?^```/gm, '');

test('every link leads to a file and a heading that are there', () => {
  const faults: string[] = [];
  for (const page of PAGES) {
    for (const [, target = ''] of withoutCode(readFileSync(page, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(file)) faults.push(`${page}: ${target} is not there`);
      else if (anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).has(anchor))
        // Two headings of one text have numbers behind them; the reference has many.
        if (!page.startsWith('docs/reference') || !/-\d+$/.test(anchor)) faults.push(`${page}: no heading ${target}`);
    }
  }
  assert.equal(faults, []);
});

/** What an unknown option is answered with: all that are known. */
const knownIn = (message: string): readonly string[] => /known are (.+)$/.exec(message)?.[1]?.split(', ') ?? [];

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  throw new Error('nothing was thrown');
};

test('every option of a task and of a call is on the page about writing tasks', () => {
  const page = readFileSync('docs/writing-tasks.md', 'utf8');
  const misspelt = { nonsense: 1 } as object;
  const ofTask = knownIn(messageOf(() => sdk.task({ name: 'a', ...misspelt }, () => undefined)));
  const ofCall = knownIn(messageOf(() => sdk.task({ name: 'a' }, () => undefined).with(misspelt)));
  assert.ok(ofTask.length > 15 && ofCall.length > 20, `${ofTask.length} and ${ofCall.length} options`);
  const missing = [...ofTask, ...ofCall].filter((name) => !new RegExp(`\`${name}\\b`).test(page));
  assert.equal(missing, []);
});

test('every error the pages name is exported, and every error of the SDK is in the reference', () => {
  const exported = Object.keys(sdk).filter((name) => /^[A-Z].*Error$/.test(name));
  const reference = readFileSync('docs/reference/sdk.md', 'utf8');
  assert.equal(
    exported.filter((name) => !reference.includes(`### ${name}\n`)),
    [],
  );
  const page = readFileSync('docs/writing-tasks.md', 'utf8');
  const named = new Set([...page.matchAll(/`(\w+Error)\b/g)].map(([, name = '']) => name));
  assert.equal(
    [...named].filter((name) => !exported.includes(name) && !(name in globalThis)),
    [],
  );
});

test(
  'the reference is what the docstrings say: `node scripts/reference.mjs` writes it',
  () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/reference.mjs', '--check'], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
  },
  { limitMs: 170_000 },
);

test.run();
