// R8 where it is the account that has a limit: all streams share it, and the server then refuses every write to any.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSupervisor, silentLog } from '@baton/runtime';
import { connectPorts } from '@baton/nats';
import { connect, getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { startConfiguredNats } from '../support/configured-nats.ts';
import { thrownBy, until } from '../support/stage.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('nats: account with a limit');

/** The stream of commands sets 64 MiB of it aside, the event log these; neither takes any of them here. */
const EVENTS = 8 * 1024 * 1024;
const LIMIT = 104 * 1024 * 1024;
const LOAD = 'x'.repeat(60_000);

const startLimited = async (context: TestContext): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-account-'));
  context.defer(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'nats-server.conf');
  writeFileSync(
    config,
    `jetstream { store_dir: "./jetstream", sync_interval: 1s }
     accounts { BATON: { jetstream: { max_file: ${LIMIT} }, users: [{ user: b, password: b }] } }
     no_auth_user: b`,
  );
  return (await startConfiguredNats(context, config)).url;
};

test(
  'submits are refused while there is room for the ends of the others',
  async (context) => {
    const servers = await startLimited(context);
    const ports = await connectPorts({ servers, eventsMaxBytes: EVENTS });
    context.defer(() => ports.close());
    const supervisor = createSupervisor(ports, { id: 's1', log: silentLog });
    await supervisor.start();
    context.defer(() => supervisor.stop());
    const baton = await connect({ servers, user: { id: 'alice' } });
    context.defer(() => baton.close());
    const held: (() => void)[] = [];
    const holds = task({ name: 'holds' }, async () => {
      getContext().onAbort(() => undefined);
      await new Promise<void>((resolve) => held.push(resolve));
      return LOAD;
    });
    const filler = task({ name: 'filler', queue: 'nobody' }, (_load: string) => undefined);
    const worker = await baton.startWorker({ tasks: [holds] });
    context.defer(() => worker.drain({ grace: 0 }));
    const [ending, cancelled] = await baton.within(
      async () => [await holds.schedule(), await holds.schedule()] as const,
    );
    for (const handle of [ending, cancelled]) await until(handle, ({ isAbortable }) => isAbortable);

    const waiting: TaskHandle[] = [];
    const failure = await thrownBy(async () => {
      for (;;) waiting.push(await baton.within(() => filler.schedule(LOAD)));
    });
    const { storage } = await ports.wire.api.call<{ readonly storage: number }>('INFO');
    console.log(`${waiting.length} tasks taken, ${storage} of ${LIMIT} bytes used`);
    assert.is((failure as { readonly code?: string }).code, 'STORE_FULL', failure.message);
    assert.match(failure.message, /the streams of this account take \d+ of \d+ bytes/);
    assert.ok(storage < 0.9 * LIMIT, 'most of the reserve is there');

    assert.is((await cancelled.cancel()).action, 'aborted');
    for (const end of held) end();
    await ending.wait({ timeout: '30s' });
    assert.is(ending.result, LOAD);
    await cancelled.wait({ timeout: '30s' });
    assert.is(cancelled.status, 'aborted');
    for (const handle of waiting.slice(0, 50)) assert.is((await handle.cancel()).action, 'aborted');
  },
  { limitMs: 90_000 },
);

test.run();
