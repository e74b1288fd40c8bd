import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { LaneLedger } from './run-queue-ledger.ts';

const LATER = 1_000;

/** What a ledger says of itself. */
const state = (ledger: LaneLedger) => ({ idle: ledger.isIdle, promised: ledger.promised, waiting: ledger.waiting });

const test = suite('run queue ledger');

test('is idle at first, and not when something was known to wait', () => {
  assert.equal(state(new LaneLedger()), { idle: true, promised: 0, waiting: 0 });
  assert.equal(state(new LaneLedger(4)), { idle: false, promised: 0, waiting: 4 });
});

test('a standing credit promises no slot and ends with its message', () => {
  const ledger = new LaneLedger();
  ledger.ask('standing', 1, 1, LATER);
  assert.equal(state(ledger), { idle: false, promised: 0, waiting: 0 });
  assert.is(ledger.arrived(7, LATER), 'standing');
  assert.equal(state(ledger), { idle: false, promised: 0, waiting: 7 });
});

test('that none waits behind a message is no promise: somebody has to look', () => {
  const ledger = new LaneLedger();
  ledger.ask('probe', 1, 1, LATER);
  ledger.arrived(0, LATER);
  assert.ok(ledger.isUnseen);
  ledger.ask('probe', 2, 1, LATER);
  ledger.ranDry(2);
  assert.ok(ledger.isIdle && !ledger.isUnseen);
});

test('bulk: what was asked for is promised and does not wait any more', () => {
  const ledger = new LaneLedger(100);
  ledger.ask('bulk', 1, 30, LATER);
  assert.equal(state(ledger), { idle: false, promised: 30, waiting: 70 });
  assert.is(ledger.arrived(99, LATER), 'bulk');
  assert.equal(state(ledger), { idle: false, promised: 29, waiting: 70 });
  ledger.ask('bulk', 2, 10, LATER);
  assert.equal(state(ledger), { idle: false, promised: 39, waiting: 60 });
});

test('a lane that ran dry gives all its credit back, also that of earlier pulls', () => {
  const ledger = new LaneLedger(50);
  ledger.ask('bulk', 1, 20, LATER);
  ledger.ask('bulk', 2, 20, LATER);
  for (let i = 0; i < 30; i++) ledger.arrived(0, LATER);
  ledger.ranDry(2);
  assert.equal(state(ledger), { idle: true, promised: 0, waiting: 0 });
  ledger.ranDry(1);
  assert.equal(state(ledger), { idle: true, promised: 0, waiting: 0 });
});

test('a pull that was sent after the one that ran dry is still out', () => {
  const ledger = new LaneLedger(50);
  ledger.ask('bulk', 1, 20, LATER);
  ledger.ask('bulk', 2, 5, LATER);
  ledger.ranDry(1);
  assert.is(ledger.promised, 5);
  ledger.ranDry(2);
  assert.ok(ledger.isIdle);
});

test('a pull that was not taken up gives its own credit back and no other', () => {
  const ledger = new LaneLedger(50);
  ledger.ask('bulk', 1, 20, LATER);
  ledger.ask('bulk', 2, 10, LATER);
  ledger.notTaken(2);
  assert.is(ledger.promised, 20);
  ledger.notTaken(1);
  assert.ok(ledger.isIdle);
});

test('a pull whose time is over gives back what it had not got', () => {
  const ledger = new LaneLedger();
  ledger.ask('standing', 1, 1, LATER);
  ledger.expired(1, 1);
  assert.ok(ledger.isIdle);
});

test('notices about pulls that are not in the books change nothing', () => {
  const ledger = new LaneLedger(9);
  ledger.ask('bulk', 5, 4, LATER);
  const before = state(ledger);
  ledger.ranDry(1);
  ledger.notTaken(2);
  ledger.expired(3, 100);
  assert.equal(state(ledger), before);
});

test('a message nobody asked for is a stray; what waits behind it is known', () => {
  const ledger = new LaneLedger();
  assert.is(ledger.arrived(3, LATER), 'stray');
  assert.equal(state(ledger), { idle: false, promised: 0, waiting: 3 });
});

test('what is handed back waits again', () => {
  const ledger = new LaneLedger();
  ledger.ask('standing', 1, 1, LATER);
  ledger.arrived(0, LATER);
  ledger.handedBack();
  assert.equal(state(ledger), { idle: false, promised: 0, waiting: 1 });
});

test('a pull has vanished when nothing came of it by its deadline; every message moves it', () => {
  const ledger = new LaneLedger(10);
  assert.not.ok(ledger.hasVanished(5_000));
  ledger.ask('bulk', 1, 2, 1_000);
  assert.not.ok(ledger.hasVanished(999));
  assert.ok(ledger.hasVanished(1_000));
  ledger.arrived(9, 3_000);
  assert.not.ok(ledger.hasVanished(2_000));
  ledger.reset();
  assert.not.ok(ledger.hasVanished(9_000));
});

test('a lane is unseen while it is idle and not asked, until the next pull', () => {
  const ledger = new LaneLedger();
  assert.not.ok(ledger.isUnseen);
  ledger.leaveUnseen();
  assert.ok(ledger.isUnseen);
  ledger.ask('probe', 1, 1, LATER);
  assert.ok(ledger.isProbed);
  assert.not.ok(ledger.isUnseen);
  ledger.ranDry(1);
  assert.not.ok(ledger.isProbed);
  assert.ok(ledger.isIdle && !ledger.isUnseen);
});

test.run();
