import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CallerAnswer, CallerMessage, CallerOrder } from './fixture-caller.ts';
import type { System } from './system-fixture.ts';
import type { TestContext } from './test-body.ts';

/** A process that schedules tasks of `fixture-tasks.ts` when it is told to. */
export type Caller = { readonly ask: (order: CallerOrder) => Promise<readonly CallerAnswer[]> };

export const startCallers = async (
  { defer }: Pick<TestContext, 'defer'>,
  { env }: Pick<System, 'env'>,
  count: number,
): Promise<readonly Caller[]> => {
  const path = fileURLToPath(new URL('./fixture-caller.mjs', import.meta.url));
  const { BATON_TEST_REPORT: _report, ...own } = process.env;
  return Promise.all(
    Array.from({ length: count }, async () => {
      const child = fork(path, [], { env: { ...own, ...env } });
      defer(() => child.kill('SIGKILL'));
      await heard(child, 'ready');
      return {
        ask: async (order: CallerOrder) => {
          const answers = heard(child, 'answers');
          child.send(order);
          return (await answers).answers;
        },
      };
    }),
  );
};

const heard = <K extends CallerMessage['kind']>(child: ChildProcess, kind: K) =>
  new Promise<Extract<CallerMessage, { kind: K }>>((resolve, reject) => {
    const listen = (message: CallerMessage): void => {
      if (message.kind !== kind) return;
      child.off('message', listen);
      child.off('exit', gone);
      resolve(message as Extract<CallerMessage, { kind: K }>);
    };
    const gone = (): void => reject(new Error(`a caller ended before it was ${kind}`));
    child.on('message', listen);
    child.once('exit', gone);
  });
