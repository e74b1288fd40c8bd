import { connect } from '@baton/sdk';
import { makeThumbnails, renderPicture, runAway } from './tasks.ts';

const SIGNATURE = '89504e470d0a1a0a';

const baton = await connect({ servers: process.env['NATS_URL'], user: { id: 'alice' } });
// Threads are of this process; the pipeline waits for them, in the same worker or in others.
const worker = await baton.startWorker({ tasks: [makeThumbnails, renderPicture, runAway], concurrency: 4 });
try {
  const began = performance.now();
  let lateMs = 0;
  let last = began;
  const watch = setInterval(() => {
    const now = performance.now();
    lateMs = Math.max(lateMs, now - last - 20);
    last = now;
  }, 20);

  const pipeline = await makeThumbnails.schedule([120, 240, 480]);
  await pipeline.wait({ timeout: '2m' });
  clearInterval(watch);
  console.log(`pipeline: ${pipeline.status}`);
  for (const { width, height, bytes } of pipeline.result ?? []) console.log(` ${width} x ${height}: ${bytes} bytes`);
  console.log(`all the while this thread was held up by no more than ${lateMs < 1_000 ? 'a second' : `${lateMs} ms`}`);

  const large = await renderPicture.with({ taskName: 'Large picture' }).schedule(960, 640, 0.01);
  await large.wait({ timeout: '1m' });
  const png = large.result?.png ?? new Uint8Array();
  const isPng = Buffer.from(png).toString('hex').startsWith(SIGNATURE);
  const isApart = !(large.record.result instanceof Uint8Array);
  console.log(`large picture: ${large.status}, a PNG: ${isPng}, in the object store: ${isApart}`);

  const runaway = await runAway.schedule();
  await runaway.wait({ timeout: '1m' });
  console.log(`runaway: ${runaway.status}, by force: ${runaway.record.abort?.forced === true}`);
} finally {
  await worker.drain();
  await baton.close();
}
