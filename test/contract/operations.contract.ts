import { addressOf } from '@baton/protocols';
import type { Operation } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, rejectionOf, until, type WithBench } from './bench.ts';

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });
const note = (id: string): Operation => ({ id, address });
const HASH = '0123456789abcdef0123456789abcdef';

/** D7: a note is made once, settled over, and read from the leader. */
export const operationsContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: operations`, withBench, (check) => {
    check('D7 of many who begin one operation exactly one is first', async (bench) => {
      const ports = await Promise.all(['a', 'b', 'c'].map((process) => bench.ports(process)));
      const results = await Promise.all(
        Array.from({ length: 30 }, async (_, i) => ports[i % 3]?.operations.write(HASH, note(`t${i}`), 0)),
      );
      const firsts = results.flatMap((result, i) => (result?.kind === 'written' ? [`t${i}`] : []));
      assert.is(firsts.length, 1);
      assert.is(results.filter((result) => result?.kind === 'conflict').length, 29);
      for (const { operations } of ports) assert.is((await operations.load(HASH))?.operation.id, firsts[0]);
    });

    check('gives back what was written, settled or not, and nothing where nothing is', async (bench) => {
      const { operations } = await bench.ports();
      assert.is(await operations.load(HASH), undefined);
      const begun = await operations.write(HASH, note('t1'), 0);
      assert.is(begun.kind, 'written');
      const revision = begun.kind === 'written' ? begun.revision : 0;
      assert.equal(await operations.load(HASH), { operation: note('t1'), revision });
      const settled: Operation = {
        ...note('t2'),
        settled: { outcome: 'joined', differs: true, revision: 77, bytes: Uint8Array.of(1, 2, 3) },
      };
      assert.is((await operations.write(HASH, settled, revision)).kind, 'written');
      const found = (await operations.load(HASH))?.operation;
      assert.equal(
        { ...found?.settled, bytes: [...(found?.settled?.bytes ?? [])] },
        {
          ...settled.settled,
          bytes: [1, 2, 3],
        },
      );
      assert.is((await operations.write(HASH, note('t3'), revision)).kind, 'conflict');
      assert.is((await operations.write(HASH, note('t4'))).kind, 'written');
      assert.is((await operations.load(HASH))?.operation.id, 't4');
    });

    check('without a connection it is said, and nothing is noted', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      await bench.cut('a');
      await until(bench, () => assert.not.ok(a.link.connected));
      assert.is((await a.operations.write(HASH, note('t1'), 0)).kind, 'failed');
      assert.instance(await rejectionOf(a.operations.load(HASH)), Error);
      assert.is(await b.operations.load(HASH), undefined);
      await bench.mend('a');
    });
  });
