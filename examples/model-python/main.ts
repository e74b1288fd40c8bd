import { connect } from '@baton/sdk';
import { startPythonWorker } from './python.ts';

type Line = { readonly slope: number; readonly offset: number };

const folder = process.env['EXAMPLE_FOLDER'] ?? process.cwd();
const worker = await startPythonWorker(folder);
const baton = await connect({ servers: process.env['NATS_URL'], user: { id: 'alice' } });
try {
  // y = 3 x + 1, and a little noise that is the same every time.
  const points = Array.from({ length: 40 }, (_, i) => [i / 4, (3 * i) / 4 + 1 + ((i * 7) % 5) / 50 - 0.04]);

  const run = await baton.schedule<Line>('train_model', [points, 2_000], { taskKey: 'line', taskName: 'Line' });
  for await (const { status, progress, payload } of run.events()) {
    const loss = (payload as { loss?: number } | undefined)?.loss?.toFixed(3);
    console.log(status, JSON.stringify(progress), loss === undefined ? '' : `loss ${loss}`);
  }
  console.log(`trained: ${run.status}, y = ${run.result?.slope} x + ${run.result?.offset}`);

  const [wrong, long] = await Promise.all([
    baton.schedule('train_model', [[[1, 1]], 10]),
    baton.schedule('train_model', [points, 10_000_000]),
  ]);
  await wrong.wait({ timeout: '1m' });
  console.log(`one point: ${wrong.status} after ${wrong.attempt} attempt, ${wrong.error?.message}`);
  for await (const { progress } of long.events()) if (progress !== undefined) break;
  await long.cancel();
  await long.wait({ timeout: '1m' });
  console.log(`a run nobody waits for: ${long.status}`);
} finally {
  await baton.close();
  await worker.stop();
}
