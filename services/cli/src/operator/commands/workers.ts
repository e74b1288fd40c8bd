import { LEASE_MS } from '@baton/protocols';
import { roleOf, type NodeInfo, type Ports } from '@baton/runtime';
import { exitCodes } from '../exit-codes.ts';
import { sayJson, sayTable, timeText, type Column } from '../output.ts';
import type { Session } from '../session.ts';

export type SeenNode = NodeInfo & { readonly alive: boolean };

/** Who is silent for a whole lease is dead, for everybody; nobody is called so earlier. */
const WATCH_MS = LEASE_MS + 500;

/**
 * All nodes there are. Alive is what renews its lease while we look; what is only written there may have died. As soon as
 * all are known to live nothing is left to wait for.
 */
export const lookAtNodes = async ({ presence }: Pick<Ports, 'presence'>): Promise<readonly SeenNode[]> => {
  const nodes = new Map<string, SeenNode>();
  let caughtUp = false;
  let done: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    done = resolve;
  });
  const timer = setTimeout(() => done(), WATCH_MS);
  const subscription = await presence.follow({
    seen: (info) => {
      const key = `${info.role}/${info.id}`;
      // What was stored comes once, before or after it has caught up; what comes again was renewed.
      nodes.set(key, { ...info, alive: nodes.has(key) || caughtUp });
      if (caughtUp && [...nodes.values()].every(({ alive }) => alive)) done();
    },
    left: (role, id) => void nodes.delete(`${role}/${id}`),
    caughtUp: () => {
      caughtUp = true;
    },
    lost: () => done(),
  });
  await over;
  clearTimeout(timer);
  subscription.close();
  return [...nodes.values()].toSorted((a, b) => a.role.localeCompare(b.role) || a.startedAt - b.startedAt);
};

const COLUMNS: readonly Column<SeenNode>[] = [
  { title: 'ROLE', text: roleOf },
  { title: 'ID', text: ({ id }) => id, most: 50 },
  { title: 'HOST', text: ({ host, pid }) => `${host}:${pid}`, most: 40 },
  { title: 'STATE', text: ({ state, alive }) => (alive ? state : 'lost') },
  {
    title: 'RUNNING',
    text: ({ running, concurrency }) => (concurrency === undefined ? '' : `${running ?? 0}/${concurrency}`),
    align: 'right',
  },
  { title: 'QUEUES', text: ({ queues = [] }) => queues.join(', '), most: 30 },
  { title: 'TYPES', text: ({ types = [] }) => types.join(', '), most: 60 },
  { title: 'SINCE (UTC)', text: ({ startedAt }) => timeText(new Date(startedAt)) },
];

export const workers = async (session: Session): Promise<number> => {
  const nodes = await lookAtNodes(await session.ports());
  if (session.json)
    sayJson(nodes.map((node) => ({ ...node, role: roleOf(node), state: node.alive ? node.state : 'lost' })));
  else sayTable(COLUMNS, nodes, 'no worker, supervisor, projector or gateway is there');
  return exitCodes.ok;
};
