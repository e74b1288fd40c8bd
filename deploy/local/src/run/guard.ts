import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/**
 * A small shell that outlives this process by a moment. It reads from a pipe that only this process holds; when the pipe
 * ends, this process is gone, whatever ended it (Ctrl-C, a crash, `kill -9`), and the shell ends the servers: politely
 * first, by force after a while. That is also why nothing here listens for signals: a caller's own handlers stay alone.
 *
 * Words it understands, one a line: `watch <pid> <signal>`, `forget <pid>`, `remove <folder>`.
 */
const SCRIPT = `
trap '' HUP INT TERM
watched=''
folders=''
while read -r word first second; do
  case $word in
    watch) watched="$watched $first:$second" ;;
    forget)
      kept=''
      for each in $watched; do [ "\${each%%:*}" = "$first" ] || kept="$kept $each"; done
      watched=$kept ;;
    remove) folders="$folders$first
" ;;
  esac
done
for each in $watched; do kill -CONT "\${each%%:*}"; kill "-\${each##*:}" "\${each%%:*}"; done 2>/dev/null
rounds=0
while [ $rounds -lt 50 ]; do
  living=''
  for each in $watched; do kill -0 "\${each%%:*}" 2>/dev/null && living=yes; done
  [ -z "$living" ] && break
  rounds=$((rounds + 1))
  sleep 0.1
done
for each in $watched; do kill -KILL "\${each%%:*}" 2>/dev/null; done
printf '%s' "$folders" | while read -r folder; do [ -n "$folder" ] && rm -rf "$folder"; done
`;

export class Guard {
  readonly #shell: ChildProcess;

  constructor() {
    // A session of its own, so that Ctrl-C on the terminal reaches this process only.
    this.#shell = spawn('sh', ['-c', SCRIPT, 'baton-guard'], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#shell.on('error', () => {});
    this.#shell.stdin?.on('error', () => {});
    // It must not keep this process alive, or a program that has nothing more to do would never end.
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  }

  /** Ends this process's child when this process is gone. */
  watch(pid: number, politeSignal: NodeJS.Signals): void {
    this.#say(`watch ${pid} ${politeSignal.replace(/^SIG/, '')}`);
  }

  /** The child has ended; its number may soon be another's. */
  forget(pid: number): void {
    this.#say(`forget ${pid}`);
  }

  /** Takes a temporary folder away when this process is gone and could not do it itself. */
  removeAtEnd(folder: string): void {
    if (!/\s/.test(folder)) this.#say(`remove ${folder}`);
  }

  /** Nothing is left to guard. */
  end(): void {
    this.#shell.stdin?.end();
  }

  #say(line: string): void {
    this.#shell.stdin?.write(`${line}\n`);
  }
}
