// P5: what the gateway tells monitoring of the projections.
import { PROJECTIONS } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ADMIN, openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: metrics');

test('P5 how far each projection is behind in the bucket: not 0 while nothing moves, and no number while nobody can say', async (context) => {
  const { ports, call, baton } = await openGatewaySystem(context);
  const metrics = async (): Promise<string> => (await call('GET', '/metrics', { as: ADMIN })).text;
  const valueOf = async (name: string): Promise<string | undefined> =>
    new RegExp(`^baton_projection_${name}\\{projection="documents"\\} (\\S+)$`, 'm').exec(await metrics())?.[1];
  assert.is(await valueOf('behind'), undefined, 'nobody has ever read for it');

  const reader = await ports.projections.reader(PROJECTIONS.documents);
  context.defer(() => reader.close());
  await eventually(async () => assert.equal([await valueOf('behind'), await valueOf('lag_seconds')], ['0', '0']));

  for (let i = 0; i < 3; i++) await baton.as({ id: 'alice' }).schedule('job');
  await eventually(
    async () => {
      assert.is(await valueOf('behind'), '3');
      assert.ok(Number(await valueOf('lag_seconds')) > 1);
    },
    { limitMs: 8_000 },
  );

  await ports.close();
  await eventually(async () => assert.is(await valueOf('lag_seconds'), 'Nan'), { limitMs: 8_000 });
});

test.run();
