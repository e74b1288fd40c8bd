import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvalidArgumentError } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { Tasks } from './tasks.ts';

const test = suite('sdk: lists of tasks');

test('B2 what a gateway refuses is said by field, and without one where it is the whole', async ({ defer }) => {
  let faults: readonly object[] = [];
  const server = createServer((_, answer) => {
    answer.writeHead(400, { 'Content-Type': 'application/json' });
    answer.end(JSON.stringify({ code: 'INVALID_ARGUMENT', message: 'no', faults }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  defer(() => server.close());
  const { port } = server.address() as AddressInfo;
  const tasks = new Tasks({ url: `http://127.0.0.1:${port}` }, { user: 'alice', admin: false });
  const refusal = async (): Promise<unknown> => tasks.list().catch((error: unknown) => error);
  for (const [given, words] of [
    [[{ field: 'page_size', message: 'is a number' }], 'page_size: is a number'],
    [[{ field: '', message: 'cannot be' }], 'cannot be'],
    [[], 'no'],
  ] as const) {
    faults = given;
    const error = await refusal();
    assert.instance(error, InvalidArgumentError);
    assert.is((error as Error).message, words);
  }
});

test.run();
