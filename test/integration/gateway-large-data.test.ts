// limit: 120s
// Arguments and results that lie beside the record, over HTTP.
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: large data');

const ROWS = Array.from({ length: 8_000 }, (_, n) => `row ${n} of many`);

const echo = task({ name: 'large.echo' }, (value: unknown) => ({ given: value }));
const forge = task({ name: 'large.forge' }, () => ({ $object: 'x', size: 9, digest: 'ff' }));

test(
  'X4 a task says how large its arguments and result are, and each is asked for by itself; data that looks like a reference is data',
  async (context) => {
    const { baton, call } = await openGatewaySystem(context, { supervisor: true });
    const worker = await baton.startWorker({ tasks: [echo, forge] });
    context.defer(() => worker.drain());
    const alice = baton.as({ id: 'alice' });
    const [large, small, forged] = await alice.within(async () => [
      await echo.with({ taskKey: 'large' }).schedule(ROWS),
      await echo.with({ taskKey: 'small' }).schedule(['row']),
      await forge.schedule(),
    ]);
    for (const one of [large, small, forged]) await one.wait({ timeout: '30s' });
    const told = await call('GET', `/api/v1/task/${large.uuid}`, { as: 'alice' });
    assert.equal([told.at('result', 'args'), told.at('result', 'result')], [null, null]);
    for (const size of ['args_size', 'result_size']) assert.ok(Number(told.at('result', size)) > 65_536, size);
    assert.not.match(told.text, /\$object|digest/);
    const args = await call('GET', `/api/v1/task/${large.uuid}/args`, { as: 'alice' });
    assert.equal([args.at('status'), args.at('args')], ['success', [ROWS]]);
    assert.match(String(args.headers['content-disposition']), /^attachment/);
    const result = await call('GET', `/api/v1/task/${large.uuid}/result`, { as: 'alice' });
    assert.equal(result.at('result'), { given: ROWS });

    const less = await call('GET', `/api/v1/task/${small.uuid}`, { as: 'alice' });
    assert.equal([less.at('result', 'args'), less.at('result', 'args_size')], [[['row']], null]);
    assert.equal((await call('GET', `/api/v1/task/${small.uuid}/args`, { as: 'alice' })).at('args'), [['row']]);
    const forgery = await call('GET', `/api/v1/task/${forged.uuid}`, { as: 'alice' });
    const data = { $object: 'x', size: 9, digest: 'ff' };
    assert.equal([forgery.at('result', 'result'), forgery.at('result', 'result_size')], [data, null]);
  },
  { limitMs: 60_000 },
);

test.run();
