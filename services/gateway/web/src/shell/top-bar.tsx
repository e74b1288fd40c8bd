import { useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import { switchUser } from '../api/session.ts';
import { EVERYTHING } from '../list/query.ts';
import { Face } from '../task/people.tsx';
import { Icon, Mark } from '../ui/icons.tsx';
import { Popover } from '../ui/popover.tsx';
import { useStore } from '../ui/store.ts';
import { chooseTheme, chosenTheme, type Theme } from '../ui/theme.ts';
import { useApp } from './app-context.ts';
import { LiveDot } from './connection.tsx';
import { Link } from './link.tsx';

export const TopBar = () => {
  const { router, list, dialog } = useApp();
  const view = useStore(router.route, (route) => route.view);
  const query = useStore(list.state, (state) => state.query);
  return (
    <header class="top">
      <div class="inner">
        <Link class="brand" to={{ view: 'list', query: EVERYTHING }}>
          <Mark />
          <span class="wide-only">Baton</span>
          <span class="hidden-text">home</span>
        </Link>
        <nav aria-label="Main">
          <Link to={{ view: 'list', query }} current={view === 'list'}>
            <Icon name="list" />
            Tasks
          </Link>
          <Link to={{ view: 'overview', window: '1h' }} current={view === 'overview'}>
            <Icon name="chart" />
            Overview
          </Link>
          <Link to={{ view: 'schedules' }} current={view === 'schedules'}>
            <Icon name="clock" />
            Schedules
          </Link>
        </nav>
        <span class="grow" />
        <LiveDot />
        <button
          type="button"
          class="button quiet icon wide-only"
          aria-label="Keyboard shortcuts"
          data-tip="Keyboard shortcuts (?)"
          onClick={() => dialog.set({ kind: 'shortcuts' })}
        >
          <kbd aria-hidden="true">?</kbd>
        </button>
        <ThemeMenu />
        <UserMenu />
      </div>
    </header>
  );
};

const THEMES: readonly { readonly theme: Theme; readonly name: string }[] = [
  { theme: 'system', name: 'As the system' },
  { theme: 'light', name: 'Light' },
  { theme: 'dark', name: 'Dark' },
];

const ThemeMenu = () => {
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <Popover
      label="Theme"
      role="menu"
      align="end"
      triggerClass="button quiet icon"
      triggerLabel="Theme"
      tip="Theme"
      trigger={<Icon name={theme === 'dark' ? 'moon' : 'sun'} />}
    >
      {(close) =>
        THEMES.map(({ theme: each, name }) => (
          <button
            key={each}
            type="button"
            class="option"
            role="menuitemradio"
            aria-checked={each === theme}
            onClick={() => {
              chooseTheme(each);
              setTheme(each);
              close();
            }}
          >
            <span class="box">
              <Icon name="check" size={12} />
            </span>
            {name}
          </button>
        ))
      }
    </Popover>
  );
};

/** Who looks. In development mode it can be somebody else with two clicks. */
const UserMenu = () => {
  const app = useApp();
  const { session } = app;
  if (session.users.length === 0) {
    return (
      <span class="user-button button quiet" data-tip={session.user}>
        <Face user={session.user} />
        <span class="wide-only truncate">{session.user}</span>
      </span>
    );
  }
  const become = async (user: string): Promise<void> => {
    try {
      await switchUser(app.server, user);
      location.reload(); // nothing of what the one saw may stay for the other
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      app.toasts.bad(error.message);
    }
  };
  return (
    <Popover
      label="User"
      role="menu"
      align="end"
      triggerClass="button quiet user-button"
      triggerLabel={`User: ${session.user}`}
      tip="Development mode: be somebody else"
      trigger={
        <>
          <Face user={session.user} />
          <span class="wide-only">{session.user}</span>
          <Icon name="chevronDown" size={12} />
        </>
      }
    >
      {() =>
        session.users.map(({ id, admin }) => (
          <button
            key={id}
            type="button"
            class="option"
            role="menuitemradio"
            aria-checked={id === session.user}
            onClick={() => void become(id)}
          >
            <Face user={id} />
            {id}
            {admin && <span class="end">admin</span>}
          </button>
        ))
      }
    </Popover>
  );
};
