import type { TaskDefinition } from '../run/definition.ts';

/**
 * What a task thread keeps for all copies of this module in it: the bundled runtime and the module of the tasks may each
 * bring their own. It is there in task threads only.
 */
export type InsideThread = {
  readonly definitions: TaskDefinition[];
  /** The module of the tasks is being loaded. */
  loading: boolean;
};

const INSIDE = Symbol.for('baton.task-thread.v1');

const shared = globalThis as { [INSIDE]?: InsideThread };

/** Makes this thread a task thread. */
export const enterThread = (): InsideThread => (shared[INSIDE] = { definitions: [], loading: true });

/** Tells a task thread of a definition, so that it finds the handler; elsewhere nothing. */
export const announceDefinition = (definition: TaskDefinition): void => {
  shared[INSIDE]?.definitions.push(definition);
};

/**
 * True while a task thread loads the module of its tasks. A program that starts in that module would start a second time
 * in each thread.
 */
export const isLoadingTasks = (): boolean => shared[INSIDE]?.loading ?? false;
