// Do the guards bark? Lays out a small copy of the workspace in which every file breaks one rule, and expects each to
// be caught; and a few honest files that must not be.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { manifestFaults, sourceFaults } from './check-sources.mjs';
import { requireInstalled } from './install.mjs';
import { runMain } from './say.mjs';
import { isMain, root } from './workspace.mjs';

const places = ['packages', 'protocols', 'services', 'deploy'];
const imports = (name) => `import { x } from '${name}';\nexport const y: unknown = x;\n`;
/** @returns {[place: string, content: string, rule: string][]} */
const banned = (folder, ...names) => names.map((name) => [folder, imports(name), 'no-restricted-imports']);
const promise = 'const later = async (): Promise<void> => {};\n';

/**
 * Folder, content, the rule that must fire.
 * @type {[place: string, content: string, rule?: string][]}
 */
const badFiles = [
  ...banned(
    'packages/core',
    'node:fs',
    'zod',
    '@baton/protocols',
    '../../nats/src/index.ts',
    '../../../test/support/suite.ts',
  ),
  ...banned('protocols', '@baton/runtime', '@baton/nats', 'mongodb', '@nats-io/jetstream', 'zod'),
  ...banned(
    'packages/runtime',
    '@baton/nats',
    '@baton/mongo',
    '@baton/sdk',
    '@baton/testkit',
    '@nats-io/kv',
    'mongodb',
    'uvu',
  ),
  ...banned('packages/nats', '@baton/mongo', '@baton/sdk', '@baton/testkit', '@baton/worker', 'mongodb'),
  ...banned('packages/mongo', '@baton/nats', '@baton/sdk', '@baton/testkit', '@nats-io/nats-core'),
  ...banned('packages/sdk', '@baton/mongo', '@baton/testkit', '@nats-io/transport-node', 'mongodb'),
  ...banned('packages/testkit', '@baton/nats', '@baton/mongo', '@baton/cli', 'uvu'),
  ...banned('services/worker', '@nats-io/jetstream', 'mongodb', '@baton/testkit', '../../../test/support/suite.ts'),
  ...banned('deploy/local', '@baton/runtime', '@baton/sdk'),
  ['packages/core', 'export const at = Date.now();\n', 'no-restricted-globals'],
  ['packages/core', 'export const dice = Math.random();\n', 'no-restricted-properties'],
  ['packages/core', "export const told = console.log('x');\n", 'no-console'],
  ['packages/runtime', 'const x = 1;\nexport default x;\n', 'no-default-export'],
  ['packages/runtime', `${promise}later();\n`, 'no-floating-promises'],
  ['packages/runtime', `${promise}[1].forEach(later);\nif (later()) later;\n`, 'no-misused-promises'],
  ['packages/runtime', 'export const y = async (): Promise<number> => await 1;\n', 'await-thenable'],
  ['packages/runtime', "export const y = (): never => {\n  throw 'text';\n};\n", 'only-throw-error'],
  [
    'packages/runtime',
    "export const y = (k: 'a' | 'b') => {\n  switch (k) {\n    case 'a':\n      return 1;\n  }\n};\n",
    'switch-exhaustiveness-check',
  ],
  ['packages/runtime', 'export const y = (x: any) => x;\n', 'no-explicit-any'],
  ['packages/runtime', Array.from({ length: 351 }, (_, i) => `export const y${i} = ${i};\n`).join(''), 'max-lines'],
];

/** @type {[place: string, content: string, rule?: string][]} */
const goodFiles = [
  ['packages/sdk', imports('@baton/nats')],
  ['packages/nats', imports('@nats-io/jetstream')],
  ['packages/mongo', imports('mongodb')],
  ['packages/runtime', imports('node:fs') + imports('pino').replaceAll(/\b[xy]\b/g, (name) => `${name}2`)],
  ['services/worker', imports('@baton/nats')],
  ['services/cli', "console.log('a terminal is what it is for');\n"],
];

/** What only the compiler can know: names that the core must not have. */
const untyped = ['setTimeout', 'console', 'process', 'Buffer', 'fetch', 'performance', 'crypto'];

const layOut = (folder) => {
  for (const name of ['.oxlintrc.json', 'tsconfig.base.json', 'packages/core/tsconfig.json']) {
    cpSync(join(root, name), join(folder, name));
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: './tsconfig.base.json', include: places, exclude: ['packages/core'] }),
  );
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const write =
    (kind) =>
    ([place, content, rule = ''], index) => {
      const path = `${place}/src/${kind}-${index}.ts`;
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), content);
      return { path, content, rule };
    };
  return { bad: badFiles.map(write('bad')), good: goodFiles.map(write('good')) };
};

const lint = (folder) => {
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/oxlint'), ['--format=json', ...places], {
    timeout: 60_000,
    cwd: folder,
    encoding: 'utf8',
  });
  try {
    return JSON.parse(stdout).diagnostics;
  } catch {
    throw new Error(`oxlint did not answer: ${stdout}${stderr}`);
  }
};

const lintFaults = (folder) => {
  const { bad, good } = layOut(folder);
  const found = lint(folder).map(({ filename, code }) => ({ filename, rule: /\(([^)]+)\)/.exec(code)?.[1] ?? code }));
  const silent = bad.filter(({ path, rule }) => !found.some((one) => one.filename === path && one.rule === rule));
  const loud = good.filter(({ path }) =>
    found.some((one) => one.filename === path && /restricted|console/.test(one.rule)),
  );
  return [
    ...silent.map(({ path, content, rule }) => `${rule} did not fire in ${path}:\n${content.slice(0, 200)}`),
    ...loud.map(({ path, content }) => `${path} is allowed, but was refused:\n${content}`),
  ];
};

const typeFaults = (folder) => {
  const core = join(folder, 'packages/core');
  rmSync(join(core, 'src'), { recursive: true });
  mkdirSync(join(core, 'src'));
  untyped.forEach((name) => writeFileSync(join(core, `src/${name}.ts`), `export const y: unknown = ${name};\n`));
  writeFileSync(join(core, 'src/enum.ts'), 'export enum E {\n  A,\n}\n');
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', core, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  return [...untyped, 'enum']
    .filter((name) => !stdout.includes(`src/${name}.ts(`))
    .map((name) => `the core may use ${name}`);
};

const scriptFaults = () => [
  ...(manifestFaults('packages/core', { zod: '1' }).length === 1 ? [] : ['the core may have dependencies']),
  ...(manifestFaults('packages/runtime', { '@baton/nats': '1' }).length === 1 ? [] : ['runtime may depend on nats']),
  ...(manifestFaults('packages/sdk', { '@baton/nats': '1', mongodb: '1' }).length === 1
    ? []
    : ['sdk may depend on mongodb']),
  ...(sourceFaults('packages/sdk/src/a.ts', "export * from './b.ts';\n").length === 1 ? [] : ['export * passes']),
  ...(sourceFaults('packages/sdk/src/a.ts', "await import('mongodb');\n").length === 1 ? [] : ['import() passes']),
  ...(sourceFaults('packages/sdk/src/a.ts', "// export * from './b.ts'\n").length === 0
    ? []
    : ['comments are taken for code']),
];

export const checkGuards = () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'baton-guards-')));
  try {
    const faults = [...lintFaults(folder), ...typeFaults(folder), ...scriptFaults()];
    for (const fault of faults) console.error(fault);
    return faults.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

if (isMain(import.meta.url)) {
  await runMain(() => {
    requireInstalled();
    return checkGuards();
  });
}
