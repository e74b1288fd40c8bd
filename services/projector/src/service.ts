import { cpus } from 'node:os';
import { connectMongo, createTaskViews } from '@baton/mongo';
import { infoSource, leaseSource, observed, projectorSource } from '@baton/metrics';
import { connectPorts, serviceConnection } from '@baton/nats';
import { startJanitor, startProjector, type ServiceStart } from '@baton/runtime';

/** NATS, MongoDB and the projections. Any number of them may run: each projection is read by one, and a write never goes back. */
export const projectorService: ServiceStart = observed(async (service, operations) => {
  const { settings, log, onStop, unlessDisconnected, watch, fail } = service;
  const ports = await unlessDisconnected('NATS', () => connectPorts(serviceConnection(service)));
  onStop('NATS connection', () => ports.close());
  watch(ports.link);
  operations.connected(ports);

  const mongo = await unlessDisconnected('MongoDB', () =>
    connectMongo({ ...settings.mongo, appName: 'baton-projector' }),
  );
  onStop('MongoDB connection', () => mongo.close());
  operations.check('mongodb', async () => {
    await mongo.ping();
    return undefined;
  });
  const views = createTaskViews(mongo);
  await unlessDisconnected('MongoDB', () => views.ensureIndexes());

  const { events = true } = settings.streams;
  const options = { ...settings.projector, events, idleProcessors: idleMeter(), log, onBroken: fail };
  const projector = await startProjector(ports, views, options);
  onStop('projector', () => projector.stop());
  operations.add(() => infoSource('projector'));
  operations.add(() => leaseSource(() => projector.lease()));
  operations.add(() => projectorSource(projector));

  const { clock, data, store } = ports;
  const janitor = startJanitor({ views, clock, data, store }, { ...settings.retention, log, onBroken: fail });
  onStop('janitor', () => janitor.stop());
});

const idleMeter = () => {
  let [before, at] = [idleMs(), performance.now()];
  let known = { idle: Number.POSITIVE_INFINITY, processors: cpus().length };
  return () => {
    const ms = performance.now() - at;
    if (ms < IDLE_WINDOW_MS) return known;
    const idle = idleMs();
    known = { idle: (idle - before) / ms, processors: cpus().length };
    [before, at] = [idle, at + ms];
    return known;
  };
};

/** Of all processors together, since the machine started. */
const idleMs = (): number => cpus().reduce((sum, { times }) => sum + times.idle, 0);

/** Shorter than what a projection rests between two looks; Linux counts in steps of 10 ms. */
const IDLE_WINDOW_MS = 200;
