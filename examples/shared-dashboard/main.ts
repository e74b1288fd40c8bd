import { connect, type TaskHandle } from '@baton/sdk';
import { rebuildIndex, refreshDashboard, type Dashboard } from './tasks.ts';

const USERS = 200;

const baton = await connect({ servers: process.env['NATS_URL'] });
const worker = await baton.startWorker({ tasks: [refreshDashboard, rebuildIndex] });
const users = Array.from({ length: USERS }, (_, i) => `user${i + 1}`);

/** What the dashboard's page does for whoever opens it. */
const refresh =
  (name: string) =>
  (user: string): Promise<TaskHandle<Dashboard>> =>
    baton.as({ id: user }).schedule<Dashboard>(refreshDashboard, [name], { taskKey: name });

try {
  const handles = await Promise.all(users.map(refresh('sales')));
  const [one] = handles;
  const created = handles.filter(({ outcome }) => outcome === 'created').length;
  const ids = new Set(handles.map(({ uuid }) => uuid));
  console.log(`${USERS} users, ${ids.size} task, created by ${created}, joined by ${USERS - created}`);

  await Promise.all(handles.map((handle) => handle.wait({ timeout: '1m' })));
  const same = handles.every(({ result }) => JSON.stringify(result) === JSON.stringify(one?.result));
  console.log(`all have the same ${one?.result?.charts.length} charts: ${same}`);

  // Who closes the page leaves; the last one to do so stops the work.
  const [first, second] = await Promise.all(['ann', 'ben'].map(refresh('stock')));
  if (first === undefined || second === undefined) throw new Error('no dashboard');
  for await (const { progress } of first.events()) if (progress !== undefined) break;
  console.log(`ann leaves: ${(await first.cancel()).action}`);
  console.log(`ben leaves: ${(await second.cancel()).action}`);
  await second.wait({ timeout: '1m' });
  console.log(`the refresh of stock is ${second.status}`);

  // Twenty edits in a moment, one rebuild, with the arguments of the last.
  let index: TaskHandle<number> | undefined;
  for (let edits = 1; edits <= 20; edits++) {
    const options = { taskKey: 'index', mode: 'debounce', window: '500ms', maxWait: '10s' } as const;
    index = await baton.as({ id: 'ann' }).schedule<number>(rebuildIndex, [edits], options);
  }
  await index?.wait({ timeout: '1m' });
  console.log(`20 edits, rebuilt ${index?.record.attempt} time, with edit ${index?.result}`);
} finally {
  await worker.drain();
  await baton.close();
}
