export { METRICS } from './names.ts';
export { observed } from './observed.ts';
export { projectorSource } from './projector-source.ts';
export { readinessOf } from './readiness.ts';
export { MetricsPage } from './registry.ts';
export { startOperationsServer } from './server.ts';
export { connectionSource, infoSource, leaseSource, taskSource, workerSource } from './sources.ts';
export { supervisorSource } from './supervisor-source.ts';

export type { MetricName, MetricShape } from './names.ts';
export type { ObservedStart, Operations } from './observed.ts';
export type { Readiness, ReadyCheck } from './readiness.ts';
export type { Labels, MetricSource, Readings } from './registry.ts';
export type { OperationsServer, OperationsServerOptions } from './server.ts';
