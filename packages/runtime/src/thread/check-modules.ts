import { LOAD_LIMIT_MS, messageOf } from '@baton/protocols';
import { InvalidArgumentError } from '../errors.ts';
import type { TaskDefinition } from '../run/definition.ts';
import type { ThreadKind } from './task-thread.ts';
import type { ThreadPool } from './thread-pool.ts';

/**
 * Loads the module of every isolated task in a thread, one after the other, and looks whether it defines the task: found
 * when a worker starts, and not by the first task that fails. Each may take `limitMs`. Rejects with InvalidArgumentError.
 */
export const checkModules = async (
  threads: ThreadPool,
  definitions: readonly TaskDefinition[],
  limitMs: number = LOAD_LIMIT_MS,
): Promise<void> => {
  const checked = new Map<string, readonly string[]>();
  for (const { type, thread } of definitions) {
    if (thread === undefined) continue;
    const types = checked.get(thread.module) ?? (await typesOf(threads, thread, limitMs));
    checked.set(thread.module, types);
    const count = types.filter((each) => each === type).length;
    if (count === 1) continue;
    throw new InvalidArgumentError(
      `'${type}' is to run in a thread, but its module ${thread.module} ${count === 0 ? 'does not define it when it is loaded there' : `defines ${count} tasks of that name`}: ` +
        'define the task at the top of a module and pass module: import.meta.url',
    );
  }
};

const typesOf = async (threads: ThreadPool, kind: ThreadKind, limitMs: number): Promise<readonly string[]> => {
  const thread = await threads.lend(kind);
  if (thread === undefined) return [];
  let isLate = false;
  // Ending the thread ends the waiting, whatever its import does.
  const timer = setTimeout(() => {
    isLate = true;
    void thread.terminate();
  }, limitMs);
  try {
    return await thread.loaded;
  } catch (error) {
    const late = `the task thread could not load ${kind.module}: its import has not ended within ${limitMs / 1_000} s`;
    throw new InvalidArgumentError(isLate ? late : messageOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
    threads.giveBack(thread);
  }
};
