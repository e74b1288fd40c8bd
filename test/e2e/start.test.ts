// limit: 400s
// What somebody meets who starts it: `baton dev`, as `npm start` runs it.
import { randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { connectMongo } from '@baton/mongo';
import * as assert from 'uvu/assert';
import { dev, nothingLeft, ownServers, temporaryFolder, type Dev } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import { databaseUrl, deleteNamespace, sharedServers } from '../support/system-fixture.ts';

const test = suite('baton dev');

/** Far above what a start takes, the first time with a new database, on a machine that does other things too. */
const COLD_MS = 120_000;
/** From Ctrl-C to the end. */
const STOP_MS = 15_000;

const toItsEnd = async ({ process: dev }: Dev, limitMs: number): Promise<number> => {
  const began = performance.now();
  await dev.start();
  await eventually(() => assert.not.ok(dev.isRunning, dev.output.slice(-500)), { limitMs, everyMs: 10 });
  const tookMs = performance.now() - began;
  assert.is((await dev.ended).code, 0, dev.output);
  return tookMs;
};

/** The outcome, the figures and the document, as a reader sees them. Returns the task's id. */
const checkOutput = (output: string): string => {
  assert.match(output, /alice scheduled it: (created|joined)\. {2}bob scheduled the same key: (created|joined)/);
  assert.match(output, /success after \d+ ms \(\d+ ms in the queue\), attempt 1/);
  for (const dataset of ['zipcodes.csv', 'species.csv', 'birdstrikes.csv']) {
    assert.match(output, new RegExp(`${dataset.replace('.', '\\.')} {2}[\\d,]+ rows`));
  }
  const id = /task ([0-9a-f-]{36})/.exec(output)?.[1];
  assert.ok(id !== undefined, output);
  const document = /(\{\n[^]*?\n {4}\})/.exec(output)?.[1] ?? '';
  const shown = JSON.parse(document) as Readonly<Record<string, unknown>>;
  assert.is(shown['_id'], id);
  assert.is(shown['status'], 'success');
  assert.equal([...(shown['subscriber_ids'] as string[])].toSorted(), ['alice', 'bob']);
  assert.is((shown['history'] as string[]).length, 3);
  assert.not.match(output, /undefined|NaN|\[object /);
  return id;
};

const refuses = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

const serverPorts = (output: string): readonly number[] => {
  const [, nats, mongo] =
    /Baton runs: NATS nats:\/\/127\.0\.0\.1:(\d+), MongoDB mongodb:\/\/127\.0\.0\.1:(\d+)/.exec(output) ?? [];
  assert.ok(nats !== undefined && mongo !== undefined, output);
  return [Number(nats), Number(mongo)];
};

test(
  '--quickstart --once runs the job, shows it, ends with 0 and leaves nothing, the second time as the first',
  async (context) => {
    const folder = temporaryFolder(context);
    const ids: string[] = [];
    for (const which of ['first', 'second']) {
      const run = dev(context, folder, ['--quickstart', '--once']);
      const tookMs = await toItsEnd(run, COLD_MS);
      ids.push(checkOutput(run.process.output));
      await nothingLeft(run.living);
      for (const port of serverPorts(run.process.output)) assert.ok(await refuses(port), `port ${port} still listens`);
      console.log(`${which} start to end of the quick start: ${(tookMs / 1_000).toFixed(1)} s`);
    }
    assert.is(new Set(ids).size, 2, 'the second start makes a task of its own');
  },
  { limitMs: 2 * COLD_MS },
);

const interrupted = (title: string, isTime: (run: Dev) => boolean) =>
  test(
    title,
    async (context) => {
      const folder = temporaryFolder(context);
      const run = dev(context, folder, ['--quickstart'], ownServers(context));
      await run.process.start();
      await eventually(() => assert.ok(isTime(run), run.process.output), { limitMs: COLD_MS, everyMs: 5 });
      assert.ok(run.living().length > 0, 'the mark finds nothing: the test would show nothing');
      const began = performance.now();
      run.process.signal('SIGINT');
      await eventually(() => !run.process.isRunning, { limitMs: STOP_MS });
      assert.is((await run.process.ended).code, 0, run.process.output);
      await nothingLeft(run.living);
      console.log(`${title}: all gone ${Math.round(performance.now() - began)} ms after it`);
    },
    { limitMs: COLD_MS + 60_000 },
  );

interrupted('Ctrl-C in the middle of the job', ({ process: { output } }) => /\d+ of \d+ \(\d+%\)/.test(output));
// The services are there and are still loading: they have nobody yet who tells them that their parent is gone.
interrupted('Ctrl-C while the services start', ({ living }) => living().length >= 2);

test(
  'Ctrl-C with local servers: they are gone too',
  async (context) => {
    const folder = temporaryFolder(context);
    const run = dev(context, folder, ['--quickstart']);
    await run.process.start();
    await eventually(() => assert.match(run.process.output, /task [0-9a-f-]{36}/), { limitMs: COLD_MS });
    const ports = serverPorts(run.process.output);
    for (const port of ports) assert.not.ok(await refuses(port));
    const began = performance.now();
    run.process.signal('SIGINT');
    await eventually(() => !run.process.isRunning, { limitMs: STOP_MS });
    await nothingLeft(run.living);
    for (const port of ports) assert.ok(await refuses(port), `port ${port} still listens`);
    console.log(`Ctrl-C with local servers: all gone ${Math.round(performance.now() - began)} ms after it`);
  },
  { limitMs: COLD_MS + 60_000 },
);

test(
  'killed with -9: services and servers end by themselves',
  async (context) => {
    const folder = temporaryFolder(context);
    const run = dev(context, folder, []);
    await run.process.start();
    await eventually(() => assert.match(run.process.output, /Baton runs/), { limitMs: COLD_MS });
    assert.ok(run.living().length > 4, 'the services and the servers run');
    const began = performance.now();
    await run.process.kill();
    await eventually(() => assert.equal(run.living(), []), { limitMs: 20_000, everyMs: 100 });
    console.log(`killed with -9: all gone ${Math.round(performance.now() - began)} ms after it`);
  },
  { limitMs: COLD_MS + 60_000 },
);

test(
  'NATS_URL and MONGODB_URL: those servers are used and no other is started',
  async (context) => {
    const env = ownServers(context);
    const folder = temporaryFolder(context);
    const run = dev(context, folder, ['--quickstart', '--once'], env);
    const tookMs = await toItsEnd(run, COLD_MS);
    const id = checkOutput(run.process.output);
    assert.ok(
      run.process.output.includes(env.NATS_URL) && run.process.output.includes(env.MONGODB_URL),
      run.process.output,
    );
    const mongo = await connectMongo({ url: env.MONGODB_URL });
    context.defer(() => mongo.close());
    const document = await mongo.db.collection<{ _id: string; status: string }>('tasks').findOne({ _id: id });
    assert.is(document?.status, 'success');
    console.log(`with servers that run already: ${(tookMs / 1_000).toFixed(1)} s`);
  },
  { limitMs: COLD_MS + 30_000 },
);

test(
  'the page is where it says; a port that is taken is told before anything is started',
  async (context) => {
    const folder = temporaryFolder(context);
    const { natsUrl, mongoUrl } = sharedServers();
    const namespace = `D${randomBytes(4).toString('hex').toUpperCase()}`;
    const env = {
      NATS_URL: natsUrl,
      MONGODB_URL: databaseUrl(mongoUrl, `baton_dev_${namespace}`),
      BATON_NAMESPACE: namespace,
    };
    context.defer(() => deleteNamespace(natsUrl, namespace));
    const first = dev(context, folder, [], env);
    await first.process.start();
    const address = await eventually(
      () => {
        const found = /The task list is open at (http:\/\/127\.0\.0\.1:(\d+)\/)/.exec(first.process.output);
        assert.ok(found, first.process.output.slice(-500));
        return found;
      },
      { limitMs: COLD_MS },
    );
    assert.is((await fetch(`${address[1] ?? ''}readyz`)).status, 200);
    assert.is(((await (await fetch(`${address[1] ?? ''}api/v1/session`)).json()) as { mode: string }).mode, 'dev');
    const second = dev(context, temporaryFolder(context), [], { ...env, BATON_HTTP_PORT: address[2] ?? '' });
    await second.process.start();
    await eventually(() => assert.not.ok(second.process.isRunning), { limitMs: 20_000 });
    assert.is((await second.process.ended).code, 1);
    assert.match(second.process.output, /PORT_TAKEN: port \d+ of 127\.0\.0\.1 is taken by another program/);
    await first.process.stop();
  },
  { limitMs: COLD_MS + 60_000 },
);

test.run();
