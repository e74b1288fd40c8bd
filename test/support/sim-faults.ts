import type { MemoryNode } from '@baton/testkit';

type Time = { readonly advance: (ms: number) => Promise<unknown> };
type Chance = { readonly random: () => number };

/** How often which fault is; the rest is a cut connection. `freezeMs`: how long a process stands still at most. */
export type FaultShares = { readonly crash: number; readonly freeze: number; readonly freezeMs: number };

const CUT_MS = 10_000;

/** One of the processes dies and another one takes its place, or it stands still for a while, or it is cut off for a while. */
export const harmOne = async (
  { clock, chance }: { readonly clock: Time; readonly chance: Chance },
  nodes: MemoryNode[],
  another: () => Promise<MemoryNode>,
  { crash, freeze, freezeMs }: FaultShares,
): Promise<void> => {
  const place = Math.floor(chance.random() * nodes.length);
  const node = nodes[place] as MemoryNode;
  const what = chance.random();
  if (what < crash) {
    node.crash();
    nodes[place] = await another();
  } else if (what < crash + freeze) {
    node.freeze();
    await clock.advance(chance.random() * freezeMs);
    node.resume();
  } else {
    node.disconnect();
    await clock.advance(chance.random() * CUT_MS);
    node.reconnect();
  }
};
