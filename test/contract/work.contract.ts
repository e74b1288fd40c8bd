import type { WorkRequest } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, pass, until, type Bench, type WithBench } from './bench.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const ask = async (bench: Bench, what: string, text: string, timeoutMs = 1_000): Promise<string | undefined> => {
  const answer = await bench.askWork(what, encoder.encode(text), timeoutMs);
  return answer === undefined ? undefined : decoder.decode(answer);
};

const listen = async (bench: Bench, process: string, answer?: (request: WorkRequest) => string) => {
  const { work } = await bench.ports(process);
  const heard: { verb: string; type: string | undefined; text: string; contentType: string | undefined }[] = [];
  const tie = work.onRequest((request) => {
    const { verb, type, bytes, contentType } = request;
    heard.push({ verb, type, text: decoder.decode(bytes), contentType });
    if (answer !== undefined) request.answer(encoder.encode(answer(request)), 'application/json');
  });
  return { heard, close: () => tie.close() };
};

/** What workers ask of supervisors: heard by all of them, answered by one. */
export const workContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: requests of workers`, withBench, (check) => {
    check('a request is heard by all who listen, and answered by who answers', async (bench) => {
      const silent = await listen(bench, 's1');
      const speaks = await listen(bench, 's2', ({ verb }) => `to ${verb}`);
      await pass(bench, 50);
      assert.is(await ask(bench, 'beat', '{"a":1}'), 'to beat');
      await until(bench, () => assert.equal([silent.heard.length, speaks.heard.length], [1, 1]));
      const contentType = 'application/json';
      assert.equal(silent.heard, [{ verb: 'beat', type: undefined, text: '{"a":1}', contentType }]);
    });

    check('what stands behind the verb is a type', async (bench) => {
      const { heard } = await listen(bench, 's1', ({ type }) => type ?? 'none');
      await pass(bench, 50);
      assert.is(await ask(bench, 'claim.send_mail', '{}'), 'send_mail');
      assert.is(await ask(bench, 'claim', '{}'), 'none');
      assert.equal(
        heard.map(({ verb, type }) => [verb, type]),
        [
          ['claim', 'send_mail'],
          ['claim', undefined],
        ],
      );
    });

    check('of several answers the first counts; where nobody answers there is none', async (bench) => {
      const first = await listen(bench, 's1', () => 'one');
      const second = await listen(bench, 's2', () => 'one');
      await pass(bench, 50);
      assert.is(await ask(bench, 'beat', '{}'), 'one');
      await until(bench, () => assert.equal([first.heard.length, second.heard.length], [1, 1]));
      first.close();
      second.close();
      await pass(bench, 50);
      assert.is(await ask(bench, 'beat', '{}', 200), undefined);
      assert.is(first.heard.length, 1);
    });

    check('an answer may come later, and a process without a connection gives none', async (bench) => {
      const { work } = await bench.ports('s1');
      work.onRequest((request) => {
        bench.clock.after(100, () => request.answer(encoder.encode('late'), 'application/json'));
      });
      await pass(bench, 50);
      assert.is(await ask(bench, 'claim', '{}'), 'late');
      await bench.cut('s1');
      assert.is(await ask(bench, 'claim', '{}', 400), undefined);
      await bench.mend('s1');
    });
  });
