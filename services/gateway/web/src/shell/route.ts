import { parseQuery, searchOf, type ListQuery } from '../list/query.ts';
import { createStore, type Store } from '../ui/store.ts';

export const WINDOWS = ['15m', '1h', '6h', '24h'] as const;
export type TimeWindow = (typeof WINDOWS)[number];

export type Route =
  | { readonly view: 'list'; readonly query: ListQuery }
  | { readonly view: 'task'; readonly uuid: string }
  | { readonly view: 'overview'; readonly window: TimeWindow }
  | { readonly view: 'schedules' }
  | { readonly view: 'nowhere' };

export type Router = {
  readonly route: Store<Route>;
  readonly go: (route: Route) => void;
  /** In the place of the present one: typing a search must not fill the history. */
  readonly replace: (route: Route) => void;
  /** For links; nothing where there is no address to link to. */
  readonly href: (route: Route) => string | undefined;
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const parseRoute = (path: string, search: string): Route => {
  if (path === '/' || path === '/index.html') return { view: 'list', query: parseQuery(search) };
  if (path === '/overview') {
    const wanted = new URLSearchParams(search).get('window') ?? '';
    const window = (WINDOWS as readonly string[]).includes(wanted) ? (wanted as TimeWindow) : '1h';
    return { view: 'overview', window };
  }
  if (path === '/schedules') return { view: 'schedules' };
  const uuid = /^\/task\/([^/]+)\/?$/.exec(path)?.[1];
  return uuid !== undefined && UUID.test(uuid) ? { view: 'task', uuid: uuid.toLowerCase() } : { view: 'nowhere' };
};

export const addressOf = (route: Route): string => {
  switch (route.view) {
    case 'list':
      return `/${searchOf(route.query)}`;
    case 'task':
      return `/task/${route.uuid}`;
    case 'overview':
      return route.window === '1h' ? '/overview' : `/overview?window=${route.window}`;
    case 'schedules':
      return '/schedules';
    case 'nowhere':
      return '/';
  }
};

/** The address bar is where the page is: back, forward, reload and a copied link all work. */
export const createPageRouter = (): Router => {
  const route = createStore(parseRoute(location.pathname, location.search));
  addEventListener('popstate', () => route.set(parseRoute(location.pathname, location.search)));
  return {
    route,
    go: (next) => {
      history.pushState(null, '', addressOf(next));
      route.set(next);
    },
    replace: (next) => {
      history.replaceState(null, '', addressOf(next));
      route.set(next);
    },
    href: addressOf,
  };
};

/** For a list inside somebody else's page, whose address is not ours. */
export const createInnerRouter = (first: Route): Router => {
  const route = createStore(first);
  return { route, go: route.set, replace: route.set, href: () => undefined };
};
