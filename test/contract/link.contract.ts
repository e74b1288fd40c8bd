import * as assert from 'uvu/assert';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, pass, until, type WithBench } from './bench.ts';

/** The connection itself: lost, found again, and what lives through that. */
export const linkContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: link`, withBench, (check) => {
    check(
      'tells the end and the return of the connection, and stands for what it tells',
      async (bench) => {
        const { link } = await bench.ports('a');
        const told: string[] = [];
        link.onDisconnect(() => told.push('disconnected'));
        link.onReconnect(() => told.push('reconnected'));
        link.onClosed(() => told.push('closed'));
        const closed = link.onDisconnect(() => told.push('not any more'));
        closed.close();
        assert.ok(link.connected);
        await bench.cut('a');
        await until(bench, () => assert.equal(told, ['disconnected']));
        assert.not.ok(link.connected);
        await bench.mend('a');
        await until(bench, () => assert.equal(told, ['disconnected', 'reconnected']), 10_000);
        assert.ok(link.connected);
      },
      { limitMs: 25_000 },
    );

    check('a cut of one process is none of another', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      let told = 0;
      b.link.onDisconnect(() => told++);
      await bench.cut('a');
      await until(bench, () => assert.not.ok(a.link.connected));
      assert.ok(b.link.connected);
      assert.is((await b.store.write(sampleAddress('k'), sampleBytes('k'), 0)).kind, 'written');
      assert.is(told, 0);
      await bench.mend('a');
    });

    check(
      'who listened before a cut listens after it, and what was pushed meanwhile is gone',
      async (bench) => {
        const { link, signals } = await bench.ports('a');
        const sender = await bench.ports('b');
        const key = sampleAddress('k');
        const got: number[] = [];
        let pokes = 0;
        await signals.onRecord(key, (entry) => got.push(entry.revision));
        signals.onPoke('worker', () => pokes++);
        const tell = (revision: number) => sender.signals.record({ address: key, revision, bytes: sampleBytes('k') });
        tell(1);
        await until(bench, () => assert.is(got.length, 1));
        await bench.cut('a');
        await until(bench, () => assert.not.ok(link.connected));
        tell(2);
        sender.signals.poke('worker', key);
        await pass(bench, 200);
        await bench.mend('a');
        await until(bench, () => assert.ok(link.connected), 10_000);
        let head = 2;
        await until(
          bench,
          async () => {
            head++;
            tell(head);
            sender.signals.poke('worker', key);
            await pass(bench, 50);
            assert.ok(got.length > 1 && pokes > 0);
          },
          10_000,
        );
        assert.not.ok(got.includes(2));
      },
      { limitMs: 40_000 },
    );
  });
