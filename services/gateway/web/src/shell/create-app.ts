import type { Server } from '../api/http.ts';
import type { Session } from '../api/session.ts';
import { createListModel } from '../list/list-model.ts';
import { liveSourceOf } from '../live/live-source.ts';
import { createAnnouncer } from '../ui/announcer.tsx';
import { createStore } from '../ui/store.ts';
import { createToasts } from '../ui/toasts.tsx';
import type { App } from './app-context.ts';
import type { DialogRequest } from './dialogs.ts';
import type { Router } from './route.ts';

export const createApp = (server: Server, session: Session, router: Router, embedded: boolean): App => {
  const live = liveSourceOf(server, session);
  return {
    server,
    session,
    router,
    embedded,
    live,
    list: createListModel(server, live),
    toasts: createToasts(),
    announcer: createAnnouncer(),
    dialog: createStore<DialogRequest | undefined>(undefined),
    leftTask: createStore<string | undefined>(undefined),
  };
};
