export { createSupervisor } from './supervisor.ts';
export { SUPERVISOR_TIMINGS } from './timings.ts';

export type { Act, ActCounts } from './acts.ts';
export type { QueueDepth, SupervisorReport } from './queue-depths.ts';
export type { Supervisor, SupervisorOptions, SupervisorStats, WaitingLane } from './supervisor-types.ts';
export type { SupervisorTimings } from './timings.ts';
