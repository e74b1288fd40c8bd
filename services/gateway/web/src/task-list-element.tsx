import { render } from 'preact';
import type { Server } from './api/http.ts';
import { parseQuery } from './list/query.ts';
import { Gate } from './shell/gate.tsx';
import { createInnerRouter } from './shell/route.ts';

const styles = new CSSStyleSheet();
styles.replaceSync(BATON_STYLES);

/** Gives the token for the next request; asked each time, so that it can be renewed. */
export type TokenSource = () => string | Promise<string>;

/**
 * `<baton-task-list server="https://baton.example" filter="status=pending" theme="dark">`: the live task list inside
 * any page. It shares neither styles nor address with the page around it.
 *
 * Attributes: `server` (base URL; the page's own server without it), `token` (a JWT), `filter` (as in the address of
 * the page), `theme` (`light` or `dark`; the system's without it). Property: `tokenSource`, better than `token`.
 */
export class BatonTaskList extends HTMLElement {
  static readonly observedAttributes = ['server', 'token', 'filter'];

  tokenSource: TokenSource | undefined;
  private readonly root = this.attachShadow({ mode: 'open' });
  private asked = false;

  connectedCallback(): void {
    this.root.adoptedStyleSheets = [styles];
    this.draw();
  }

  disconnectedCallback(): void {
    render(null, this.root);
  }

  attributeChangedCallback(name: string): void {
    // A renewed token is simply used from the next request on.
    if (this.isConnected && name !== 'token') this.draw();
  }

  /** Once for all attributes that change together. */
  private draw(): void {
    if (this.asked) return;
    this.asked = true;
    queueMicrotask(() => {
      this.asked = false;
      if (!this.isConnected) return;
      render(null, this.root);
      const query = parseQuery(this.getAttribute('filter') ?? '');
      render(<Gate server={this.server()} router={createInnerRouter({ view: 'list', query })} embedded />, this.root);
    });
  }

  private server(): Server {
    const base = (this.getAttribute('server') ?? '').replace(/\/+$/, '');
    return {
      base,
      headers: async () => {
        const token = (await this.tokenSource?.()) ?? this.getAttribute('token') ?? '';
        return token === '' ? {} : { Authorization: `Bearer ${token}` };
      },
    };
  }
}

if (customElements.get('baton-task-list') === undefined) customElements.define('baton-task-list', BatonTaskList);
