import { addressOf } from '@baton/protocols';
import type { CommandMessage, Ports } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, pass, until, type WithBench } from './bench.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (of: Uint8Array): string => new TextDecoder().decode(of);

/** What a process is given, answered by `answer`. */
const serve = async (ports: Ports, answer: (message: CommandMessage) => void) => {
  const given: CommandMessage[] = [];
  const opened = await ports.commands.open(
    (message) => {
      given.push(message);
      answer(message);
    },
    { most: 10 },
  );
  return { ...opened, given };
};

const echo =
  ({ commands }: Ports) =>
  (message: CommandMessage): void => {
    if (message.replyTo !== undefined) commands.reply(message.replyTo, message.bytes, 'application/msgpack');
    message.ack();
  };

/** Commands: kept until one who may has carried them out, and answered to who asked. */
export const commandsContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: commands`, withBench, (check) => {
    check('a command comes to one of those who serve, and its answer to who sent it', async (bench) => {
      const [sender, a, b] = [await bench.ports('sender'), await bench.ports('a'), await bench.ports('b')];
      const [first, second] = [await serve(a, echo(a)), await serve(b, echo(b))];
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          sender.commands.send({ verb: 'submit', type: 'send.mail', bytes: bytes(`n${i}`) }, 8_000),
        ),
      );
      assert.equal(
        answers.map((answer) => (answer.kind === 'answered' ? text(answer.bytes) : answer.kind)),
        Array.from({ length: 60 }, (_, i) => `n${i}`),
      );
      const given = [...first.given, ...second.given];
      assert.is(given.length, 60);
      assert.is(new Set(given.map(({ sequence }) => sequence)).size, 60);
      assert.ok(
        given.every(({ verb, type, deliveries }) => verb === 'submit' && type === 'send.mail' && deliveries === 1),
      );
      await Promise.all([first.close(), second.close()]);
    });

    check('a command waits while nobody serves; its sender is told that nobody has answered', async (bench) => {
      const [sender, a] = [await bench.ports('sender'), await bench.ports('a')];
      assert.is((await sender.commands.send({ verb: 'cancel', bytes: bytes('x') }, 500)).kind, 'silent');
      assert.is((await sender.commands.send({ verb: 'signal', bytes: bytes('y') }, 500)).kind, 'silent');
      const { given, close } = await serve(a, (message) => message.ack());
      await until(bench, () =>
        assert.equal(
          given.map((one) => [one.verb, text(one.bytes)]),
          [
            ['cancel', 'x'],
            ['signal', 'y'],
          ],
        ),
      );
      assert.ok(Math.abs(bench.clock.now() - (given[0]?.storedAt ?? 0)) < 60_000);
      await close();
    });

    check('what is handed back comes again, and what is acknowledged does not', async (bench) => {
      const ports = await bench.ports();
      const { given, close } = await serve(ports, (one) => (one.deliveries < 3 ? one.again(300) : one.ack()));
      await ports.commands.send({ verb: 'submit', type: 't', bytes: bytes('x') }, 100);
      await until(bench, () =>
        assert.equal(
          given.map(({ deliveries }) => deliveries),
          [1, 2, 3],
        ),
      );
      await pass(bench, 1_000);
      assert.is(given.length, 3);
      assert.is(new Set(given.map(({ sequence, storedAt }) => `${sequence} ${storedAt}`)).size, 1);
      await close();
    });

    check('a command is put aside with its reason', async (bench) => {
      const ports = await bench.ports();
      let buried = '';
      const { close } = await serve(ports, (message) => {
        void ports.commands
          .bury(message, 'INVALID_ARGUMENT', 'no good\r\nat all: ü')
          .then(({ kind }) => (buried = kind));
        message.ack();
      });
      await ports.commands.send({ verb: 'submit', type: 't', bytes: bytes('x') }, 100);
      await until(bench, () => assert.is(buried, 'written'));
      await close();
    });

    check('a task is found by whoever knows it, and by nobody when nobody does', async (bench) => {
      const [asker, a, b] = [await bench.ports('asker'), await bench.ports('a'), await bench.ports('b')];
      const address = addressOf({ scope: 'shared', type: 't', key: 'k' });
      const ties = [
        a.commands.onFind((id) => (id === 'nobody knows' ? undefined : 'nowhere')),
        b.commands.onFind((id) => (id === 'here' ? address : 'nowhere')),
      ];
      await until(bench, async () => assert.is(await asker.commands.find('here', 1_000), address));
      await until(bench, async () => assert.is(await asker.commands.find('here', 1_000, 2), address));
      assert.is(await asker.commands.find('elsewhere', 1_000, 2), 'nowhere');
      assert.is(await asker.commands.find('elsewhere', 300, 3), undefined, 'one more may have it');
      assert.is(await asker.commands.find('nobody knows', 300, 2), undefined, 'one does not know what it has');
      assert.is(await asker.commands.find('elsewhere', 300), undefined);
      for (const tie of ties) tie.close();
      await until(bench, async () => assert.is(await asker.commands.find('here', 200), undefined));
    });

    check(
      'without a connection nothing is sent, and that is said',
      async (bench) => {
        const ports = await bench.ports('a');
        await bench.cut('a');
        await until(bench, () => assert.not.ok(ports.link.connected));
        assert.is((await ports.commands.send({ verb: 'cancel', bytes: bytes('x') }, 1_000)).kind, 'failed');
        assert.is(await ports.commands.find('x', 200), undefined);
        await bench.mend('a');
      },
      { limitMs: 30_000 },
    );
  });
