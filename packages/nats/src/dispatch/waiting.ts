import type { Names } from '@baton/protocols';
import { sumLines, type WaitingLine } from '@baton/runtime';
import { createInbox, type NatsConnection } from '@nats-io/nats-core';
import type { FaultListener } from '../wire.ts';
import { listen } from '../wire.ts';
import { decodeWaiting } from './messages.ts';

type Asker = {
  readonly nc: NatsConnection;
  readonly names: Names;
  readonly inboxPrefix: string | undefined;
  readonly onFault: FaultListener;
};

/** Asks every supervisor what waits in its partitions, and adds it up. Undefined: none has answered in this time. */
export const askWaiting = async (asker: Asker, timeoutMs: number): Promise<readonly WaitingLine[] | undefined> => {
  const inbox = createInbox(asker.inboxPrefix);
  const answers: WaitingLine[][] = [];
  let nobody: () => void = () => {};
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    nobody = resolve;
    timer = setTimeout(resolve, timeoutMs);
  });
  const subscription = listen(asker, inbox, (msg) => {
    if (msg.data.length === 0) nobody();
    else answers.push([...decodeWaiting(msg.data)]);
  });
  try {
    asker.nc.publish(asker.names.waitingSubject, '', { reply: inbox });
    await over;
  } catch (fault) {
    asker.onFault('what waits', fault);
  } finally {
    clearTimeout(timer);
    subscription.close();
  }
  return answers.length === 0 ? undefined : sumLines(answers.flat());
};
