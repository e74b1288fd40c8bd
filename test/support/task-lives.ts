import { addressOf } from '@baton/protocols';
import type { Held, Kernel, Ports } from '@baton/runtime';

/** A task that is submitted, claimed and ended, without a worker. Its id; undefined when the store did not take it all. */
export const liveOnce = async (
  kernel: Kernel,
  ports: Pick<Ports, 'store' | 'chance'>,
  key: string,
): Promise<string | undefined> => {
  const address = addressOf({ scope: 'shared', type: 'job', key });
  const id = ports.chance.uuid();
  const spec = {
    ...({ id, type: 'job', key, name: key, scope: 'shared', queue: 'default' } as const),
    ...({ priority: 'normal', mode: 'async', policy: {} } as const),
  };
  const actor = { user: 'alice', admin: false };
  const now = () => Date.now();
  const made = await kernel.ask(address, () => ({ kind: 'submit', at: now(), actor, spec, whenAborting: 'queue' }));
  if (made.kind !== 'done') return undefined;
  const claimed = await kernel.ask(address, (held: Held | undefined) => {
    const revision = held?.revision ?? 0;
    return { kind: 'claim', at: now(), id, worker: 'w', epoch: ports.store.epoch, revision, offered: revision };
  });
  const fence = claimed.kind === 'done' ? claimed.record.owner?.fence : undefined;
  if (fence === undefined) return undefined;
  const done = await kernel.ask(address, () => ({
    ...({ kind: 'finish', at: now(), fence, body: { kind: 'returned' } } as const),
    ...({ handlerErrors: [], abortHandled: true, random: 0 } as const),
  }));
  return done.kind === 'done' ? id : undefined;
};
