import type { Command } from '@baton/core';
import { addressOf, type Address } from '@baton/protocols';
import type { Held } from '@baton/runtime';

type Lives = {
  /** Carries a command out; rejects when that cannot be. */
  readonly ask: (address: Address, make: (held: Held | undefined) => Command) => Promise<Held>;
  readonly now: () => number;
  readonly uuid: () => string;
  readonly epoch: number;
};

/** The address of the tasks whose lives are made here. */
export const jobAddress = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

/** Lives of tasks by the commands alone: nobody runs them. */
export const taskLives = ({ ask, now, uuid, epoch }: Lives) => {
  const submit = (key: string): Promise<Held> => {
    const spec = {
      id: uuid(),
      type: 'job',
      key,
      name: key,
      scope: 'shared',
      queue: 'default',
      priority: 'normal',
      mode: 'async',
      policy: {},
    } as const;
    return ask(jobAddress(key), () => ({
      kind: 'submit',
      at: now(),
      actor: { user: 'alice', admin: false },
      spec,
      whenAborting: 'queue',
    }));
  };
  const claim = (key: string): Promise<Held> =>
    ask(jobAddress(key), (held) => ({
      kind: 'claim',
      at: now(),
      id: held?.record.id ?? '',
      worker: 'w',
      epoch,
      revision: held?.revision ?? 0,
      offered: held?.revision ?? 0,
    }));
  const finish = (key: string): Promise<Held> =>
    ask(jobAddress(key), (held) => ({
      kind: 'finish',
      at: now(),
      fence: held?.record.owner?.fence ?? { epoch: 0, revision: 0 },
      body: { kind: 'returned' },
      handlerErrors: [],
      abortHandled: true,
      random: 0,
    }));
  const live = async (key: string): Promise<Held> => {
    await submit(key);
    await claim(key);
    return finish(key);
  };
  return { submit, claim, finish, live };
};
