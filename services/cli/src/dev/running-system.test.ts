import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { announceSystem } from '../local-system.ts';
import { runsAlready } from './running-system.ts';

const test = suite('a second system in a data folder');

const SYSTEM = { natsUrl: 'nats://127.0.0.1:1', mongoUrl: 'mongodb://127.0.0.1:1', namespace: 'BATON' };

const folder = ({ defer }: { readonly defer: (undo: () => void) => void }): string => {
  const made = mkdtempSync(join(tmpdir(), 'baton-running-'));
  defer(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

test('one that has said of itself that it runs is told with its page, as long as it runs', (context) => {
  const dataDir = folder(context);
  assert.is(runsAlready(dataDir), undefined);
  const withdraw = announceSystem(dataDir, { ...SYSTEM, pageUrl: 'http://127.0.0.1:8088/' });
  const why = runsAlready(dataDir) ?? '';
  assert.match(why, `a system probably runs in ${dataDir} already: process ${process.pid} uses it`);
  assert.match(why, ', and its page is at http://127.0.0.1:8088/. Use that one');
  withdraw();
  assert.is(runsAlready(dataDir), undefined);
});

test('one that starts has the lock of a server; what a dead one left is nobody', (context) => {
  const dataDir = folder(context);
  const server = join(dataDir, 'servers', 'mongo');
  mkdirSync(server, { recursive: true });
  announceSystem(dataDir, SYSTEM);
  const { process: mine } = JSON.parse(readFileSync(join(dataDir, 'system.json'), 'utf8')) as { process: object };
  writeFileSync(join(server, 'lock'), JSON.stringify({ ...mine, id: 'x' }));
  const left = { ...SYSTEM, pageUrl: 'http://gone/', process: { pid: process.pid, started: 'before' } };
  writeFileSync(join(dataDir, 'system.json'), JSON.stringify(left));
  assert.match(runsAlready(dataDir) ?? '', `process ${process.pid} uses it. Use that one`);
  writeFileSync(join(server, 'lock'), JSON.stringify({ pid: process.pid, started: 'before' }));
  assert.is(runsAlready(dataDir), undefined);
  writeFileSync(join(server, 'lock'), '{');
  assert.is(runsAlready(dataDir), undefined);
});

test.run();
