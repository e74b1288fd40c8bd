// The rules of the house that oxlint has no rule for: `export *`, imports() that go round the import bans, and what
// each package.json may depend on. pnpm lets a package resolve its declared dependencies only, so the manifest is the fence.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runMain } from './say.mjs';
import { filesBelow, isMain, readJson, root, workspaceFolders } from './workspace.mjs';

/** `core <- protocols <- runtime <- nats, mongo, metrics, sdk, testkit <- services`; folders not named here are free. */
const mayDependOn = {
  'packages/core': [],
  protocols: ['core'],
  'packages/runtime': ['core', 'protocols'],
  'packages/nats': ['core', 'protocols', 'runtime'],
  'packages/mongo': ['core', 'protocols', 'runtime'],
  'packages/metrics': ['core', 'protocols', 'runtime'],
  'packages/sdk': ['core', 'protocols', 'runtime', 'nats', 'metrics'],
  // For users too: a whole Baton in memory is a client of the SDK.
  'packages/testkit': ['core', 'protocols', 'runtime', 'sdk'],
  'deploy/local': [],
};

/** Third-party packages that belong to few folders. */
const onlyIn = {
  '@nats-io/': ['packages/nats', 'deploy/local', 'test'],
  mongodb: ['packages/mongo', 'deploy/local', 'test'],
};

/** No dependency at all, workspace or other. */
const bare = ['packages/core'];

/** What a folder's dependencies break; test-only ones (devDependencies) are free. */
export const manifestFaults = (folder, dependencies) => {
  const faults = [];
  for (const name of Object.keys(dependencies ?? {})) {
    const own = /^@baton\/(.+)$/.exec(name)?.[1];
    const allowed = mayDependOn[folder];
    if (bare.includes(folder)) faults.push(`${folder} must not depend on anything, but does on ${name}`);
    else if (own && allowed && !allowed.includes(own)) faults.push(`${folder} must not depend on ${name}`);
    for (const [start, homes] of Object.entries(onlyIn)) {
      const meant = start.endsWith('/') ? name.startsWith(start) : name === start;
      if (meant && !homes.includes(folder))
        faults.push(`${folder} must not depend on ${name}: only ${homes.join(', ')} may`);
    }
  }
  return faults;
};

const withoutComments = (text) =>
  text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, (comment) => comment.replaceAll(/[^\n]/g, ' '));

/** What a source file breaks, each with its line. */
export const sourceFaults = (path, text) => {
  const faults = [];
  const isTest = path.startsWith('test/') || path.startsWith('scripts/') || path.endsWith('.test.ts');
  const code = withoutComments(text);
  const find = (pattern, say) => {
    for (const match of code.matchAll(pattern)) {
      const fault = say(match);
      if (fault) faults.push(`${path}:${code.slice(0, match.index).split('\n').length}: ${fault}`);
    }
  };
  find(/^\s*export\s*(type\s*)?\*/gm, () => 'no `export *`: name what is public');
  if (!isTest) {
    const folder = workspaceFolders().find((candidate) => path.startsWith(`${candidate}/`)) ?? '';
    find(/\bimport\(\s*['"`]([^'"`]+)['"`]/g, ([, name]) =>
      isDeclared(folder, name) ? undefined : `import('${name}') goes round the import rules`,
    );
  }
  return faults;
};

/** A static import is oxlint's matter; a lazy one is allowed where the manifest has the package. */
const isDeclared = (folder, name) => {
  if (name.startsWith('.') || name.startsWith('node:')) return folder !== 'packages/core';
  const { dependencies = {} } = readJson(`${folder}/package.json`);
  return Object.keys(dependencies).some((declared) => name === declared || name.startsWith(`${declared}/`));
};

export const checkSources = () => {
  const manifests = workspaceFolders().flatMap((folder) =>
    manifestFaults(folder, readJson(`${folder}/package.json`).dependencies),
  );
  const sources = filesBelow('.', (path) => /\.(ts|tsx|mjs)$/.test(path)).flatMap((path) =>
    sourceFaults(path, readFileSync(join(root, path), 'utf8')),
  );
  const faults = [...manifests, ...sources];
  for (const fault of faults) console.error(fault);
  return faults.length === 0 ? 0 : 1;
};

if (isMain(import.meta.url)) await runMain(checkSources);
