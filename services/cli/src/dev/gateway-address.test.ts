import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { choosePagePort } from './gateway-address.ts';

const test = suite('address of the page');

test('another port than before is kept when the start has come so far, and not by one that fails', async ({
  defer,
}) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'baton-page-port-'));
  defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const other = createServer();
  await new Promise<void>((resolve) => void other.listen({ port: 0, host: '127.0.0.1' }, resolve));
  defer(() => other.close());
  const { port: taken } = other.address() as AddressInfo;
  const settings = { ...readSettings({}), httpPort: taken };

  const first = await choosePagePort(settings, dataDir);
  assert.is.not(first.port, taken);
  assert.not.ok(existsSync(join(dataDir, 'page-port')), 'nothing is kept by a start that has not come so far');
  first.keep();
  assert.is(readFileSync(join(dataDir, 'page-port'), 'utf8'), `${first.port}\n`);
  const again = await choosePagePort(settings, dataDir);
  assert.is(again.port, first.port);
});

test.run();
