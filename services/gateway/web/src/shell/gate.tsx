import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, type Server } from '../api/http.ts';
import { loadSession, type Session } from '../api/session.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { createApp } from './create-app.ts';
import type { Router } from './route.ts';
import { Shell } from './shell.tsx';
import type { App } from './app-context.ts';

type Props = { readonly server: Server; readonly router: Router; readonly embedded: boolean };

type Entry =
  | { readonly kind: 'asking' }
  | { readonly kind: 'in'; readonly app: App }
  | { readonly kind: 'refused'; readonly fault: ApiError }
  | { readonly kind: 'disabled' };

const AGAIN_MS = 3_000;

/** Asks who looks before anything is shown; when the server is away, until it is back. */
export const Gate = ({ server, router, embedded }: Props) => {
  const [entry, setEntry] = useState<Entry>({ kind: 'asking' });
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let app: App | undefined;
    const enter = (session: Session): void => {
      if (isOver) return;
      if (!session.enabled) return setEntry({ kind: 'disabled' });
      app = createApp(server, session, router, embedded);
      setEntry({ kind: 'in', app });
    };
    const refuse = (error: unknown): void => {
      if (isOver) return;
      if (!(error instanceof ApiError)) throw error;
      setEntry({ kind: 'refused', fault: error });
      if (error.status !== 401 && error.status !== 403) timer = setTimeout(ask, AGAIN_MS);
    };
    const ask = (): void => void loadSession(server).then(enter, refuse);
    ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
      app?.list.close();
    };
  }, [server]);

  switch (entry.kind) {
    case 'asking':
      return <Notice embedded={embedded} busy />;
    case 'in':
      return <Shell app={entry.app} />;
    case 'disabled':
      return (
        <Notice embedded={embedded}>
          <EmptyState icon="lock" title="Tasks are switched off" whole>
            <p>The task framework is disabled on this server. Work that was admitted before ends normally.</p>
          </EmptyState>
        </Notice>
      );
    case 'refused':
      return (
        <Notice embedded={embedded}>
          <Refused fault={entry.fault} />
        </Notice>
      );
  }
};

const Refused = ({ fault }: { readonly fault: ApiError }) => {
  if (fault.status === 401 || fault.status === 403) {
    return (
      <EmptyState icon="key" title="You are not signed in" whole>
        <p role="alert">The server does not know who you are. Sign in where you do it for this site, then reload.</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          Reload
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="offline" title="The server cannot be reached" whole>
      <p role="alert">{fault.message}</p>
      <p>It is asked again every few seconds.</p>
    </EmptyState>
  );
};

type NoticeProps = { readonly embedded: boolean; readonly busy?: boolean; readonly children?: ComponentChildren };

const Notice = ({ embedded, busy = false, children }: NoticeProps) => (
  <div class={embedded ? 'baton embedded' : 'baton page'}>
    <main class="page-body" aria-busy={busy}>
      {children}
    </main>
  </div>
);
