import type { NatsConnection } from '@nats-io/nats-core';

/** One server of the cluster, as it tells about itself. */
export type ServerFinding = {
  readonly name: string;
  readonly version: string;
  /** Whether it syncs every write before it answers (`sync_interval: always`). */
  readonly syncsAlways: boolean;
};

/** Asks every server; only the system account may, and whom it exports this to. */
const ASK_SERVERS = '$SYS.REQ.SERVER.PING.JSZ';
/** For all to answer; how many there are is not known. */
const WAIT_MS = 1_000;

type Answer = {
  readonly server?: { readonly name?: string; readonly ver?: string };
  readonly data?: { readonly config?: { readonly sync_always?: boolean } };
};

/** What the servers say of themselves; none where these credentials may not ask, or nobody answers. */
export const askServers = async (nc: NatsConnection): Promise<readonly ServerFinding[]> => {
  const found: ServerFinding[] = [];
  try {
    const answers = await nc.requestMany(ASK_SERVERS, '', { strategy: 'stall', maxWait: WAIT_MS });
    for await (const msg of answers) {
      const { server, data } = msg.json<Answer>();
      if (server?.ver === undefined) continue;
      found.push({
        name: server.name ?? '',
        version: server.ver,
        syncsAlways: data?.config?.sync_always === true,
      });
    }
  } catch {
    // Not to be asked, or not in words that are known: then nothing is known.
  }
  return found;
};
