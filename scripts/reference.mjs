// `node scripts/reference.mjs`: writes docs/reference from the docstrings of what programs import. `--check` only compares.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireInstalled } from './install.mjs';
import { runMain, say, ScriptError } from './say.mjs';
import { filesBelow, isMain, root } from './workspace.mjs';

const FOLDER = 'docs/reference';
const LIMIT_MS = 170_000;

const generate = (folder) => {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [join(root, 'docs/node_modules/typedoc/bin/typedoc'), '--options', 'typedoc.json', '--out', folder],
    { cwd: join(root, 'docs'), encoding: 'utf8', timeout: LIMIT_MS },
  );
  if (status !== 0) throw new ScriptError(`typedoc failed: ${error?.message ?? ''}\n${stdout}${stderr}`);
};

/** Where two folders differ; the first line that does. */
const differenceOf = (name, made) => {
  const [before, after] = [readOr(join(root, FOLDER, name)), readOr(join(made, name))];
  if (before === after) return undefined;
  if (before === undefined || after === undefined)
    return `${name} is ${before === undefined ? 'missing' : 'left over'}`;
  const [old, now] = [before.split('\n'), after.split('\n')];
  const line = now.findIndex((text, i) => text !== old[i]);
  return `${name}, line ${line + 1}: '${old[line] ?? ''}' should be '${now[line] ?? ''}'`;
};

const readOr = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const NAMES = ['README.md', 'sdk.md', 'testkit.md'];

const main = () => {
  requireInstalled();
  const made = mkdtempSync(join(tmpdir(), 'baton-reference-'));
  try {
    generate(made);
    if (process.argv.includes('--check')) {
      const there = filesBelow(FOLDER, () => true).map((path) => path.slice(FOLDER.length + 1));
      const faults = [...new Set([...NAMES, ...there])].flatMap((name) => differenceOf(name, made) ?? []);
      if (faults.length === 0) return 0;
      throw new ScriptError(
        `${FOLDER} is not what the docstrings say: \`node scripts/reference.mjs\` writes it\n${faults.join('\n')}`,
      );
    }
    rmSync(join(root, FOLDER), { recursive: true, force: true });
    cpSync(made, join(root, FOLDER), { recursive: true });
    say(`wrote ${FOLDER}`);
    return 0;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
};

if (isMain(import.meta.url)) await runMain(main);
