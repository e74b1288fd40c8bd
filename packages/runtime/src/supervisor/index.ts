export { createSupervisor } from './supervisor.ts';
export { SUPERVISOR_TIMINGS } from './timings.ts';

export type { Action, ActionCounts } from './tasks/action-runner.ts';
export type { QueueDepth, SupervisorReport } from './queue-depths.ts';
export type { Supervisor, SupervisorOptions, SupervisorStats, WaitingLane } from './supervisor-types.ts';
export type { SupervisorTimings } from './timings.ts';
