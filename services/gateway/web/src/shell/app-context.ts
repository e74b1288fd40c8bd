import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Server } from '../api/http.ts';
import type { ListModel } from '../list/list-model.ts';
import type { LiveSource } from '../live/live-source.ts';
import type { Announcer } from '../ui/announcer.tsx';
import type { Store } from '../ui/store.ts';
import type { Toasts } from '../ui/toasts.tsx';
import type { Router } from './route.ts';
import type { Session } from '../api/session.ts';
import type { DialogRequest } from './dialogs.ts';

/** What every view may use. */
export type App = {
  readonly server: Server;
  readonly session: Session;
  readonly router: Router;
  readonly list: ListModel;
  readonly live: LiveSource;
  readonly toasts: Toasts;
  readonly announcer: Announcer;
  readonly dialog: Store<DialogRequest | undefined>;
  /** The task whose view was left for the list: its row gets the focus. */
  readonly leftTask: Store<string | undefined>;
  /** Inside another page: no bar on top, no address. */
  readonly embedded: boolean;
};

const AppContext = createContext<App | undefined>(undefined);

export const AppProvider = AppContext.Provider;

export const useApp = (): App => {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error('drawn outside of the app');
  return app;
};
