import type { Policy, Priority, Scope, SubmitOptions } from '@baton/core';

/** A task type as a worker knows it. */
export type TaskDefinition = {
  readonly type: string;
  readonly handler: (...args: never[]) => unknown;
  readonly scope: Scope;
  readonly queue: string;
  readonly priority: Priority;
  readonly group?: string;
  readonly units?: number;
  readonly policy: Policy;
  readonly submit?: SubmitOptions;
  /** Whether a failure is worth another attempt; absent: every one but a TerminalError. */
  readonly retryOn?: (error: unknown) => boolean;
  /** For people. */
  readonly title?: string;
  readonly description?: string;
  /** JSON Schema of the list of arguments. */
  readonly argsSchema?: object;
  /** The handler runs in a thread of its own, which imports `module` (a URL) to find it (behaviour T5). */
  readonly thread?: { readonly module: string; readonly memoryMb: number };
};
