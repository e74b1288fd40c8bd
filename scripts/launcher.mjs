// Ends this process when `npm run` or `npx`, which launched it, is gone.
//
// npm puts a shell between itself and what it runs. A signal to npm ends the shell, and not what the shell runs; a
// `kill -9` of npm ends neither. So whoever was launched that way looks now and then whether they are all still there.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 500;
/** Where there is no /proc, each look costs a process. */
const ASK_EVERY_MS = 2_000;
/** npm, the shell, and whatever a wrapper puts between. */
const MOST_STEPS = 4;

const isLinux = process.platform === 'linux';

/** @typedef {{ readonly pid: number, readonly parent: number, readonly command: string }} Seen */

/** @returns {Seen | undefined} undefined when it is not there any more */
const look = (pid) => {
  try {
    return isLinux ? lookInProc(pid) : askPs(pid);
  } catch {
    return undefined;
  }
};

const lookInProc = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may itself hold spaces and parentheses, so count from the last one.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z') return undefined;
  return { pid, parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
};

const askPs = (pid) => {
  const options = /** @type {const} */ ({ encoding: 'utf8', timeout: 2_000 });
  const line = execFileSync('ps', ['-o', 'ppid=,command=', '-p', String(pid)], options);
  const [, parent, command = ''] = /^\s*(\d+)\s+(.*)/.exec(line) ?? [];
  return parent === undefined ? undefined : { pid, parent: Number(parent), command };
};

/** How npm, npx, pnpm and yarn call themselves, or are called. */
const isLauncher = ({ command }) => /^(npm|npx|pnpm|yarn)\b|\/(npm|npx|pnpm|yarn)(-cli)?(\.c?js)?( |$)/.test(command);

/** @returns {readonly Seen[]} who stands between the launcher and this process, it included; none without a launcher */
const launchers = () => {
  // Its own parent tells a service of `baton dev`.
  if (process.send !== undefined) return [];
  // A package manager says so in the environment of all it runs; only then is it worth looking.
  if (process.env['npm_config_user_agent'] === undefined && process.env['npm_execpath'] === undefined) return [];
  const chain = [];
  for (let next = look(process.ppid); next !== undefined && chain.length < MOST_STEPS; next = look(next.parent)) {
    chain.push(next);
    if (isLauncher(next)) return chain;
  }
  return [];
};

/** Sends this process SIGHUP, as a terminal that is closed does, when one of those is gone that stood above it at the start. */
export const endWithLauncher = () => {
  const chain = launchers();
  if (chain.length === 0) return;
  const timer = setInterval(
    () => {
      // A process whose parent has ended gets another one, so nobody has to be known by more than his number.
      const isWhole = chain.every(({ pid }, i) => (i === 0 ? process.ppid : look(chain[i - 1].pid)?.parent) === pid);
      if (isWhole) return;
      clearInterval(timer);
      process.kill(process.pid, 'SIGHUP');
    },
    isLinux ? LOOK_EVERY_MS : ASK_EVERY_MS,
  );
  timer.unref();
};
