import { LEASE_MS } from '@baton/protocols';
import type { NodeInfo } from '@baton/runtime';

export type NodeNews =
  | { readonly kind: 'seen'; readonly info: NodeInfo }
  | { readonly kind: 'left'; readonly role: NodeInfo['role']; readonly id: string };

/** A node that is not renewed for so long is forgotten by the server. */
const FORGOTTEN_AFTER_MS = 10 * LEASE_MS;

/** The nodes bucket: the last renewal of every node. */
export class PresenceState {
  private readonly monotonic: () => number;
  private readonly nodes = new Map<string, { readonly info: NodeInfo; readonly at: number }>();
  private readonly watchers = new Set<(news: NodeNews) => void>();

  constructor(clock: { readonly monotonic: () => number }) {
    this.monotonic = () => clock.monotonic();
  }

  renew(info: NodeInfo): void {
    this.nodes.set(keyOf(info.role, info.id), { info, at: this.monotonic() });
    this.tell({ kind: 'seen', info });
  }

  remove(role: NodeInfo['role'], id: string): void {
    this.nodes.delete(keyOf(role, id));
    this.tell({ kind: 'left', role, id });
  }

  /** The last renewals that are still kept, also of nodes that may be dead by now. */
  all(): readonly NodeInfo[] {
    const since = this.monotonic() - FORGOTTEN_AFTER_MS;
    return [...this.nodes.values()].filter((node) => node.at > since).map((node) => node.info);
  }

  watch(watcher: (news: NodeNews) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  private tell(news: NodeNews): void {
    for (const watcher of [...this.watchers]) watcher(news);
  }
}

const keyOf = (role: NodeInfo['role'], id: string): string => `${role}.${id}`;
