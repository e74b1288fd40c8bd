import type { Owned } from './access.ts';
import type { TaskRecord } from './task.ts';

/** What is known of a task that is to be run again; its record has it, and its document has. */
export type Former = Owned &
  Pick<
    TaskRecord,
    | ('id' | 'status' | 'type' | 'key' | 'name' | 'queue' | 'priority')
    | ('group' | 'limitKey' | 'units' | 'tags' | 'policy' | 'dependsOn')
  >;
