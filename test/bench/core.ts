// What one turn of an actor costs without the network: decode, decide, encode. By hand:
//   npx esbuild test/bench/core.ts --bundle --platform=node --format=cjs | node
import { decide, fold, type Command, type TaskRecord } from '@baton/core';
import { addressOf, decodeRecord, documentOf, encodeData, encodeRecord } from '@baton/protocols';
import { Bench } from './core-bench.ts';

const AT = 1_700_000_000_000;
const EPOCH = AT - 1_000_000;
const fence = { epoch: EPOCH, revision: 41 };
const id = '018bcfe5-6800-7000-8000-000000000001';
const key = 'report:2026-11-24:customer-17';
const spec = {
  ...({ id, type: 'process_data', key, name: 'Report', scope: 'private', creator: 'alice', queue: 'default' } as const),
  ...({
    priority: 'normal',
    mode: 'async',
    policy: { timeoutMs: 300_000, maxAttempts: 3 },
    args: encodeData([123]),
  } as const),
};

const submit: Command = { kind: 'submit', at: AT, actor: { user: 'alice', admin: false }, spec, whenAborting: 'queue' };
const claim: Command = {
  kind: 'claim',
  at: AT + 5,
  id,
  worker: 'host-1:4711:ab12cd',
  epoch: EPOCH,
  revision: 41,
  offered: 41,
};
const finish: Command = {
  ...({ kind: 'finish', at: AT + 9, fence, body: { kind: 'returned', result: encodeData({ rows: 10 }) } } as const),
  ...({ handlerErrors: [], abortHandled: true, random: 0.5 } as const),
};

const turn = (record: TaskRecord | undefined, command: Command): TaskRecord => {
  const decision = decide(record, command);
  const next = decision.ok ? fold(record, decision) : undefined;
  if (next === undefined) throw new Error(`'${command.kind}' was refused`);
  return Object.assign({}, next, { nonce: 'aB3dE6gH1z' });
};

const pending = turn(undefined, submit);
const running = turn(pending, claim);
const ended = turn(running, finish);
const stored = { pending: encodeRecord(pending), running: encodeRecord(running), ended: encodeRecord(ended) };
const address = addressOf({ scope: 'private', type: spec.type, key, user: 'alice' });

const bench = new Bench();
bench.measure('decide submit', () => turn(undefined, submit));
bench.measure('decide claim', () => turn(pending, claim));
bench.measure('decide finish', () => turn(running, finish));
bench.measure(`encode pending, ${stored.pending.length} bytes`, () => encodeRecord(pending));
bench.measure(`encode ended, ${stored.ended.length} bytes`, () => encodeRecord(ended));
bench.measure('decode pending', () => decodeRecord(stored.pending));
bench.measure('decode ended', () => decodeRecord(stored.ended));
bench.measure('a turn: decode, claim, encode', () => encodeRecord(turn(decodeRecord(stored.pending), claim)));
bench.measure('a turn: decode, finish, encode', () => encodeRecord(turn(decodeRecord(stored.running), finish)));
bench.measure('address of a key', () => addressOf({ scope: 'private', type: spec.type, key, user: 'alice' }));
bench.measure('document of an ended record', () => documentOf(ended, { address, epoch: EPOCH, revision: 43 }));
bench.measure('encode arguments', () => encodeData([123, { name: 'x', list: [1, 2, 3] }]));
bench.print();
