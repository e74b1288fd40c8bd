// `npm run check`: format, lint, types, house rules, and whether those guards still bark. Side by side.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { requireInstalled } from './install.mjs';
import { runMain, say, seconds } from './say.mjs';
import { isMain, root } from './workspace.mjs';

const tool = (name, ...args) => [join(root, 'node_modules/.bin', name), ...args];
const script = (name) => [process.execPath, join(root, 'scripts', name)];

/** @type {{ name: string, command: string[], advice?: string }[]} */
const steps = [
  { name: 'format', command: tool('oxfmt', '--check'), advice: '`npm run format` repairs it' },
  { name: 'lint', command: tool('oxlint') },
  { name: 'types', command: script('check-types.mjs') },
  { name: 'sources', command: script('check-sources.mjs') },
  { name: 'guards', command: script('check-guards.mjs') },
];

const limitMs = 300_000;

const runStep = ({ name, command, advice = '' }) =>
  new Promise((resolve) => {
    const [file, ...args] = command;
    const started = performance.now();
    let output = '';
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs });
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const end = (code) => {
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}  ${seconds(started)}`);
      // A warning is worth reading, too: lint exits 0 with it.
      if (code !== 0 || /Found [1-9]\d* warning/.test(output)) console.log(output.trimEnd());
      if (code !== 0 && advice) console.log(advice);
      resolve(code === 0);
    };
    child.on('error', (error) => {
      output += error.message;
      end(1);
    });
    child.on('close', end);
  });

/** @returns {Promise<{ passed: number, failed: number }>} steps, not files */
export const check = async () => {
  const outcomes = await Promise.all(steps.map(runStep));
  const passed = outcomes.filter(Boolean).length;
  return { passed, failed: outcomes.length - passed };
};

if (isMain(import.meta.url)) {
  await runMain(async () => {
    requireInstalled();
    const started = performance.now();
    const { failed } = await check();
    say(failed === 0 ? `check passed (${seconds(started)})` : `check failed (${seconds(started)})`);
    return failed === 0 ? 0 : 1;
  });
}
