/**
 * `@baton/testkit`: a whole Baton in memory, for tests of tasks; and what Baton itself is simulated and checked with.
 *
 * @module testkit
 */
export { checkAnswers } from './checkers/answers.ts';
export { checkConvergence } from './checkers/convergence.ts';
export { checkEffects } from './checkers/effects.ts';
export { checkFamilies } from './checkers/family.ts';
export { checkLife, checkLives } from './checkers/life.ts';
export { byAddress, byTask, compareRecorded, recordedOf } from './checkers/recorded.ts';
export { describeReport, mergeReports } from './checkers/report.ts';
export { createMemoryViews } from './memory/views.ts';
export { createMemoryWorld } from './memory/world.ts';
export { createRandom } from './random.ts';
export { createTestBaton } from './test-baton/test-baton.ts';
export { createSeededChance } from './seeded-chance.ts';
export { createVirtualClock } from './virtual-clock.ts';

export type { AnswersInput, CallAnswer, CallEvent } from './checkers/answers.ts';
export type { ConvergenceInput, ConvergenceOptions, ReadDocument } from './checkers/convergence.ts';
export type { Effect, EffectsInput, FaultWindow } from './checkers/effects.ts';
export type { Recorded } from './checkers/recorded.ts';
export type { Problem, Report } from './checkers/report.ts';
export type { Fault, FaultRule, Injected, Op } from './memory/faults.ts';
export type { ProcessState } from './memory/process.ts';
export type { StoredRecord } from './memory/records.ts';
export type { Trace } from './memory/trace.ts';
export type { LoggedRecord, MemoryNode, MemoryWorld, MemoryWorldOptions } from './memory/world.ts';
export type { TestBaton, TestBatonOptions, TestWorker } from './test-baton/test-baton.ts';
export type { Random } from './random.ts';
export type { VirtualClock, VirtualClockOptions } from './virtual-clock.ts';
export type { MemoryViews } from './memory/views.ts';
